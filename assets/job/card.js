// How one job is doing: a line, a bar, and with a player below them its sound.
import {both, duration, fill, language, people, roughly, saying, steadied, UNEXPECTED} from '../shell/phrases.js';
import {answerOf, checkServer} from '../shell/server.js';
import {state as page, tab} from '../shell/state.js';
import {player as playerIn} from './player.js';

const BUSY = ['sent', 'waiting', 'speaking', 'listening'];
const SILENCE_S = 4;  // without a word from the server; then it is asked whether it is still there
const SETTLED_IN_MS = 3000;  // at the latest, a cancel has reached Gradio
const LAST_FAILURE_IN_MS = 150;  // after the first that a cancel causes; there are two
const PLACE_SAID_EVERY_S = 10;  // to a screen reader
const ON_ONE_COLUMN = matchMedia('(max-width: 900px)');
const MOST_MOVES = 5;  // from a server that stops to another one, for one press
const SEAT_FREE_IN_MS = 1000;  // after a Stop: until then the line still counts the job
// The fields of the Speak tab, named as what is asked for.
const FIELDS = {text: '#vx-text', seed: '#vx-seed', control: '#vx-control', prompt_audio: '#vx-prompt', prompt_text: '#vx-prompt-text'};

const SAID = {uploading: "Uploading your recording", sent: "Sending", stopping: "Stopping"};
const SPEAKING = "Speaking", LISTENING = "Listening", NEXT = "You are next", WAIT = ", about {time}", LEFT = ", about {time} left";

// The server's values: {state: 'idle'} · {state: 'waiting', ahead, seconds, loading?} · {state: 'speaking', done, seconds,
// sentence, sentences, sound, total, left, loading?} · {state: 'listening', done, seconds} · {state: 'done', url, total, took, factor,
// seed, peaks, captions: [[start, end, text]…], notes, format} · {state: 'heard', text, language, total, took, notes, url,
// peaks, captions} · {state: 'failed', message, code, values, kept, field} · {state: 'limited', seconds, message, code,
// values} for what is refused until then.
// The browser's own: 'uploading', 'sent', 'stopping', 'stopped', 'cancelled', 'broken', 'lost', 'back', 'missing', 'gone', 'again'.
export function card(element, props, watch, tell) {
  const {words} = props;  // of all words those that other cards have other ones for
  const root = element.querySelector('.card');
  const find = (selector) => root.querySelector(selector);
  const id = element.closest('[id^=vx-]').id;
  const player = find('.player') && playerIn(find('.player'), props, heed);
  let value = {state: 'idle'}, ticking = 0, begun = 0, arrived = 0, heardAt = 0, said = '', saidAt = 0, reached = 0;
  let pressStop = null, settling = 0, afterwards = null, shownS = null, loaded, pressAgain = null, moves = 0;

  const now = () => performance.now() / 1000;
  const isBusy = () => BUSY.includes(value.state);
  const left = () => Math.max(0, value.seconds - (now() - arrived));
  const nameOf = (code) => new Intl.DisplayNames([language], {type: 'language'}).of(code);

  function after(phrase) {
    if (value.seconds == null) return '';
    shownS = steadied(left(), shownS);
    return fill(phrase, {time: roughly(shownS)});
  }

  const loading = () => fill("Loading {title}", {title: value.loading});
  const durations = () => ({total: duration(value.total), took: duration(value.took)});

  function speaking() {
    if (value.done >= 1) return "Finishing";
    if (value.loading) return loading() + after(WAIT);
    const rest = after(LEFT);
    if (player?.wait != null) {  // two lines are reserved, so this has no room for the part
      return SPEAKING + rest + fill("\nBuffering, sound in about {time}", {time: roughly(player.wait)});
    }
    const parts = {part: value.sentence, parts: value.sentences};
    return (value.sentences > 1 ? fill("Speaking part {part} of {parts}", parts) : SPEAKING) + rest;
  }

  const lines = {
    waiting: () => (value.loading ? loading()
      : value.ahead ? fill("{people} ahead of you", {people: people(value.ahead)}) : NEXT) + after(WAIT),
    speaking,
    listening: () => LISTENING + after(LEFT),
    done: () => fill(value.cached ? "{total} of speech, reused from earlier" : "{total} of speech, made in {took}", durations()),
    stopped: () => fill("Stopped. The first {total} are kept.", {total: roughly(value.total)}),
    again: () => fill("{total} of speech, spoken before", durations()),
    heard: () => value.say ?? [value.text ? fill(value.cached ? words.heardBefore : words.heard, {
      language: value.language ? nameOf(value.language) : "Speech", ...durations(),
    }) : "No speech found in this recording.", ...value.notes].join(' '),
    limited: () => left() > 0 ? both(saying(value, roughly(Math.ceil(left()))), words.kept) : "You can go on now.",
    failed: () => value.say ?? both(saying(value), value.kept),
    cancelled: () => fill(words.cancelled, words),
    broken: () => `${UNEXPECTED} ${words.kept}`,
    lost: () => fill(words.lost, {...words, time: roughly(value.silence + now() - arrived)}),
  };
  // What a screen reader says: a new state, and now and then a new place in line. How far it is, the bar has.
  const announced = {
    sent: () => '',
    stopping: () => '',
    waiting: () => value.loading ? loading() : value.ahead ? fill("In line, {ahead} ahead", value) : NEXT,
    speaking: () => value.loading ? loading() : SPEAKING,
    listening: () => LISTENING,
    done: () => fill("Done, {total}", durations()),
  };
  const line = () => player?.isBlocked ? "Audio is ready: press Play" : lines[value.state]?.() ?? SAID[value.state] ?? words[value.state];

  // Between two words of the server the bar goes on towards the end it announced, never quite there and never back.
  function done() {
    if (['done', 'heard'].includes(value.state)) return 1;
    if (!('done' in value)) return 0;
    const byPace = value.done ? (arrived - begun) * (1 - value.done) / value.done : 0;
    const share = value.seconds == null || value.loading ? 0 : Math.min(0.95, (now() - arrived) / Math.max(0.1, value.seconds, byPace));
    return reached = Math.max(reached, value.done + (1 - value.done) * share);
  }

  function paint() {
    const text = line();
    const told = {card: id, isBusy: isBusy(), line: text, done: isBusy() ? done() : 0, seconds: value.seconds};
    window.dispatchEvent(new CustomEvent('voxdemo-told', {detail: told}));
    if (find('.say').textContent !== text) find('.say').textContent = text;
    find('.bar i').style.transform = `scaleX(${done()})`;
    find('.bar').setAttribute('aria-valuenow', Math.round(done() * 100));
    find('.bar').setAttribute('aria-valuetext', text);
    root.dataset.state = player?.isBlocked ? 'blocked' : value.state;
    announce(text);
  }

  function announce(text) {
    const {state} = root.dataset, told = state === 'waiting' ? `${state} ${value.ahead}` : state;
    const key = value.loading ? `${told} ${value.loading}` : told;
    const isPlace = state === 'waiting' && said.startsWith(state);
    if (key === said || (isPlace && value.ahead && now() - saidAt < PLACE_SAID_EVERY_S)) return;
    [said, saidAt] = [key, now()];
    const next = (announced[state] ?? (() => text))();
    if (next && find('.live').textContent !== next) find('.live').textContent = next;
  }

  // After a press, on a page of one column: the line that says what comes of it.
  function bringIntoView() {
    if (ON_ONE_COLUMN.matches) find('.line').scrollIntoView({block: 'nearest', behavior: 'smooth'});
  }

  function show(next) {
    const before = value.state, wasOn = isBusy() || before === 'stopping';
    value = next;
    arrived = heardAt = now();
    if (value.state !== before) begun = arrived;
    if (value.loading !== loaded) [loaded, shownS] = [value.loading, null];
    root.classList.toggle('busy', isBusy());
    clearInterval(ticking);
    if (isBusy() || ['limited', 'lost'].includes(value.state)) ticking = setInterval(tick, 250);
    paint();
    if (!wasOn || isBusy()) return;
    tell.end();
    if (['stopped', 'cancelled'].includes(value.state)) setTimeout(tell.end, SEAT_FREE_IN_MS);
  }

  function tick() {
    paint();
    if (isBusy() && now() - heardAt > SILENCE_S) listenForLife();
  }

  async function listenForLife() {
    const silence = now() - heardAt, asked = value;
    heardAt = now();
    const answer = await answerOf('health', {signal: AbortSignal.timeout(5000)});
    if (answer?.ok || value !== asked) return;
    lose(silence);
    checkServer();
  }

  const lose = (silence = now() - page.lostAt / 1000) => show({state: 'lost', silence});

  // Before a job's own events begin, Gradio's queue writes its place into the probe: "queue: 2/3 | 4.1/25.0s".
  function readPlace(probe) {
    if (!pressStop && !['sent', 'waiting'].includes(value.state)) return;
    const match = /queue:\s*(\d+)\/\d+\s*\|\s*([\d.]+)(?:\/([\d.]+))?s/.exec(probe.textContent);
    if (!match) return;
    if (pressStop) return firstWord();
    const [, place, elapsed, all] = match;
    const key = `${place} ${all}`;
    if (probe.dataset.key === key) return;
    probe.dataset.key = key;
    show({state: 'waiting', ahead: place - 1, seconds: +all ? Math.max(0, all - elapsed) : null});
  }

  const probe = document.getElementById(`${id}-probe`);
  new MutationObserver(() => readPlace(probe)).observe(probe, {subtree: true, childList: true, characterData: true});

  // What the player has to tell beside the server.
  function heed(what) {
    if (what === 'changed') paint();
    else show({state: what});
  }

  // Whether Gradio may hear of the press. Before the server's first answer it can't cancel; the press is repeated
  // after it.
  function stop(press) {
    if (value.state === 'sent') {
      pressStop = press;
      show({state: 'stopping'});
      return false;
    }
    if (!isBusy() && value.state !== 'stopping') return true;
    settling = setTimeout(goOn, SETTLED_IN_MS);
    halt();
    return true;
  }

  function firstWord() {
    const press = pressStop;
    pressStop = null;
    press();
  }

  async function halt() {
    const stopping = {state: 'stopping'}, stopped = player?.isLive ? player.stop() : null;
    if (stopped) show(stopping);
    const result = await stopped;
    if (stopped && value !== stopping) return;  // somebody has pressed Speak again
    if (!result) player?.clear();
    show(result ? {state: 'stopped', total: result.total} : {state: 'cancelled'});
    if (result) tellResult(result);
  }

  // Until Gradio has cancelled a job it takes no other, and the failures that it then tells of are the cancelled one's.
  function settle() {
    clearTimeout(settling);
    settling = setTimeout(goOn, LAST_FAILURE_IN_MS);
  }

  function goOn() {
    settling = 0;
    const next = afterwards;
    afterwards = null;
    next?.();
  }

  const tellResult = (result) => window.dispatchEvent(new CustomEvent('voxdemo-result', {detail: {...result, card: id}}));

  watch('value', () => {
    if (pressStop && props.value?.state) return firstWord();
    if (!props.value?.state || !(isBusy() || value.state === 'lost')) return;  // a late word of a cancelled job
    if (isMoved(props.value)) enterElsewhere(props.value); else take(props.value);
  });

  const isMoved = ({state, code, values}) => state === 'failed' && code === 'not_ready' && values.reason === 'restarting';

  // Its server stops while it waits. Behind a balancer another one is there, in whose line it stands after a second press.
  async function enterElsewhere(told) {
    const asked = value, moved = moves + 1, answer = moved <= MOST_MOVES ? await answerOf('ready') : null;
    if (value !== asked) return;
    if (!answer?.ok || !pressAgain) return take(told);
    show({state: 'idle'});
    pressAgain();
    moves = moved;
  }

  function take(told) {
    show(told);
    if (value.state === 'speaking') player?.hear(value);
    if (value.state === 'done') player?.finish(value);
    if (value.state === 'heard' && value.url) player?.offer(value);
    if (['done', 'heard'].includes(value.state) && value.url) tellResult(value);
    if (['limited', 'failed'].includes(value.state)) player?.clear();
    if (value.state !== 'failed') return;
    markWrong(value.field, saying(value));
    bringIntoView();
    checkServer();  // it may be the server's to tell why
  }

  window.addEventListener('voxdemo-away', () => { if (isBusy()) lose(now() - heardAt); });

  // Gradio loads a page anew whose job broke off, once the server is there again.
  window.addEventListener('voxdemo-back', () => { if (value.state === 'lost') show({state: 'back'}); });
  const isToldLost = () => ['lost', 'back'].includes(value.state);  // that it is back, the page may have seen before Gradio
  window.addEventListener('pagehide', () => tab.set(`lost-${id}`, isToldLost() ? 'yes' : ''));
  if (tab.get(`lost-${id}`)) show({state: 'back'});

  find('.keep')?.addEventListener('click', ({target}) => {
    Object.assign(target, {textContent: "Kept in Voice settings", disabled: true});
    tell.keep();
  });
  find('.take')?.addEventListener('click', tell.take);

  page.cards[id] = {
    isBusy,
    stop,
    lose: () => lose(),
    // Whether a job must wait for a cancel; it is sent when that has settled.
    holds(send) {
      if (settling || pressStop) afterwards = send;
      return Boolean(afterwards);
    },
    send(press) {
      [pressAgain, moves] = [press, 0];
      delete probe.dataset.key;
      said = '';
      reached = 0;
      shownS = null;
      player?.clear();
      player?.prepare();
      show({state: 'sent', seconds: null});
      bringIntoView();
    },
    fail() { if (settling) settle(); else if (isBusy()) { player?.clear(); show({state: 'broken'}); } },
    limit(seconds, error) {
      if (value.state !== 'sent') return;
      player?.clear();
      show({state: 'limited', seconds, ...error});
    },
    tell(say) { if (!isBusy()) show({state: 'failed', say}); },
    // What was recognised elsewhere: live.
    bring(result) {
      said = '';
      show(result);
      player.offer(result);
      tellResult(result);
    },
    forgive() { if (['missing', 'failed'].includes(value.state)) show({state: 'idle'}); },  // what was missing is there
    awaitUpload() { show({state: 'uploading'}); },
    awaitsUpload: () => value.state === 'uploading',
    rest() { if (!isBusy()) show({state: 'idle'}); },
    deny(say) { pressStop = null; player?.clear(); show({state: 'failed', say}); },
    refuse() {
      said = '';
      player?.clear();
      show({state: 'missing'});
      if (props.text) markWrong('text', line());
      bringIntoView();
    },
    // What was spoken before a reload, if nothing else came meanwhile.
    recall(result) {
      if (value.state !== 'idle') return;
      show({state: 'again', ...result});
      player.offer(result);
    },
  };
}

// Says beside a field what is wrong with it, until it is changed.
function markWrong(name, sentence) {
  const block = name && document.querySelector(FIELDS[name]), field = block?.querySelector('textarea, input');
  if (!field) return;
  const note = block.querySelector('.wrong') ?? block.appendChild(document.createElement('p'));
  Object.assign(note, {className: 'wrong', id: `${block.id}-wrong`, textContent: sentence});
  field.setAttribute('aria-invalid', 'true');
  field.setAttribute('aria-describedby', note.id);
  const changed = new AbortController();
  const settle = ({type, target}) => {
    if (!(type === 'click' ? target.closest?.('#vx-speak, #vx-examples button') : block.contains(target))) return;
    changed.abort();
    note.remove();
    field.removeAttribute('aria-invalid');
    field.removeAttribute('aria-describedby');
  };
  for (const change of ['input', 'change', 'click']) window.addEventListener(change, settle, {capture: true, signal: changed.signal});
}
