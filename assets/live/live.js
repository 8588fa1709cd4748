// The Live way of the Recognise tab: press, speak, and read along; at the end the text and the recording are what a
// recording's would be, in that tab's card. Of what one says, only the server's text and the recording here are kept.
import {pauseSound} from '../job/audio_output.js';
import {wav} from '../job/samples.js';
import {drawLevel, peaksOf} from '../job/wave.js';
import {take} from '../shell/drop.js';
import {drawn, made, save} from '../shell/elements.js';
import {noMicrophone} from '../shell/recording_fields.js';
import {both, clock, duration, fill, say, saying} from '../shell/phrases.js';
import {answerOf, checkServer} from '../shell/server.js';
import {state as page} from '../shell/state.js';
import {microphone, RATE} from './microphone.js';
import {session} from './session.js';

const BEHIND_S = 4;  // from then on it is said; a quiet server is 1 to 3 s behind
const SHORTEST_S = 0.3;  // of a recording that is worth keeping
const SENTENCE = /^.*[.!?。！？…]["”’)]*(?=\s|$|(?<=[。！？…]))/s;
const ASKS_FOR_WEBSOCKET = 426;  // of HTTP
const FILE = 'voxdemo-live.wav';
const STATES = {
  asking: "Your browser asks whether this page may use the microphone: allow it.",
  connecting: "Connecting",
  listening: "Listening",
  ending: "Recognising the last words",
};
const CLOSED = "Live recognition needs a login here. Log in again, or ask the server's operator.";
const HINT = "Speak now: your words appear here. After a pause a new line begins.";
const LOST = "The connection to the server broke off.";
const SHORT = "That was too short. Press Start speaking, speak, then press Stop.";
const REFUSED = "The live connection couldn't be opened. A proxy in between may block WebSockets.";
const ENDS = {  // that aren't failures, by the server's code
  session_silent: "It stopped because nobody spoke for a while.",
  session_expired: "It stopped because it had lasted as long as it may.",
  unread: "The server was too busy to read the last words: press Recognise again for the whole recording.",
};

export function live(element) {
  const root = element.querySelector('.live-way'), find = (selector) => root.querySelector(selector);
  const record = find('.record'), tab = document.getElementById('vx-hear');
  const heardCard = () => page.cards['vx-heard'];
  let view = null, mic = null, line = null, turns = [], parts = [], recording = null, address = '', state = 'off', unplugged = '', awake = null;

  const isOn = () => state in STATES;
  const isHearing = () => ['connecting', 'listening'].includes(state);

  // In the looks that the card of a job has for its states.
  function tell(behind = 0) {
    if (behind >= BEHIND_S) view?.tell(fill("{n} s behind: it will catch up", {n: Math.round(behind)}), 'waiting');
    else view?.tell(STATES[state] ?? '', state === 'listening' ? state : 'sent');
  }

  function enter(next) {
    state = root.dataset.state = next;
    tab.dataset.live = isOn() ? 'on' : next;
    const label = isOn() ? "Stop" : recording ? "Speak again" : "Start speaking";
    record.setAttribute('aria-label', label);
    find('.does').textContent = label;
    const about = navigator.mediaDevices ? "Your words appear while you speak." : noMicrophone();
    find('.told').textContent = isOn() ? "Press again to end." : page.isOpen ? about : CLOSED;
    for (const each of root.querySelectorAll('.keep, .whole')) each.hidden = !recording;
    tell();
  }

  async function start() {
    if (!page.isOpen) return heardCard().tell(CLOSED);
    if (!navigator.mediaDevices) return heardCard().tell(noMicrophone());
    if (heardCard().isBusy()) document.getElementById('vx-recognise-cancel').click();
    pauseSound();
    turns = [];
    parts = [];
    unplugged = '';
    view.clear();
    drawLevel(find('.level'), []);
    find('.time').textContent = clock(0);
    enter('asking');
    try {
      mic = await microphone({hear, level: showLevel, end: () => stop("The microphone was disconnected.")});
    } catch (error) {
      enter('over');
      return heardCard().tell(error.sentence ?? LOST);
    }
    enter('connecting');
    line = session({open: listen, change: showTurns, end: finish});
    mic.begin();  // what is said while it connects is heard, too
    awake = await navigator.wakeLock?.request('screen').catch(() => null);  // a phone's screen stays on while one speaks
    if (!isOn()) awake?.release();
  }

  function hear(samples) {
    parts.push(samples);
    line?.hear(samples);
  }

  function listen() {
    if (state === 'connecting') enter('listening');
  }

  function showLevel() {
    drawLevel(find('.level'), mic.levels);
    find('.time').textContent = clock(mic.seconds);
  }

  function showTurns(next, behind) {
    turns = next;
    view.show(turns);
    tell(behind);
  }

  function stop(why = '') {
    if (!isHearing()) return;
    unplugged = why;
    enter('ending');
    mic.close().then(() => line?.stop());
  }

  // What was heard is kept, however it ended. An end that has a sentence of its own, such as silence, isn't a failure.
  async function finish(error) {
    const wasOpen = state !== 'connecting';
    await mic.close();
    awake?.release();
    line = null;
    enter('ending');
    const total = wasOpen ? mic.seconds : 0, told = unplugged || ENDS[error?.code] || '';
    const why = error && !told ? await reasonOf(error) : '';
    if (total >= SHORTEST_S) bring(total, why && both(why, "What was heard is kept."), told);
    enter('over');
    if (total < SHORTEST_S) heardCard().tell(why || told || SHORT);
    if (why) checkServer();
  }

  function bring(total, why, told) {
    URL.revokeObjectURL(address);
    recording = wav(parts, RATE);
    address = URL.createObjectURL(recording);
    const text = turns.map(({settled, open}) => (settled + open).trim()).join('\n').trim();
    const heard = fill(text ? "{total} of audio, recognised live" : "No speech found in this recording.", {total: duration(total)});
    const what = {text, total, captions: captionsOf(turns, total), peaks: peaksOf(mic.levels), notes: [], url: address};
    heardCard().bring({...what, state: why ? 'failed' : 'heard', say: why || [told, heard].filter(Boolean).join(' ')});
    const field = document.querySelector('#vx-said textarea');
    field.value = text;
    field.dispatchEvent(new Event('input', {bubbles: true}));
  }

  // Why it ended, in a sentence. A browser doesn't say why a WebSocket was refused, but the address does if it is asked.
  async function reasonOf(error) {
    if (error.message) return saying(error);
    const answer = await answerOf('v1/realtime');
    if (!answer) return say(LOST);
    const {error: refusal} = await answer.json().catch(() => ({}));
    if (refusal && answer.status !== ASKS_FOR_WEBSOCKET) return saying(refusal);
    return say(turns.length ? "The server ended the session." : REFUSED);
  }

  function leave() {
    enter('off');
    record.focus();
  }

  const press = () => { if (isHearing()) stop(); else if (!isOn()) start(); };
  record.addEventListener('click', press);
  find('.keep').addEventListener('click', () => save(recording, FILE));
  find('.leave').addEventListener('click', leave);
  find('.whole').addEventListener('click', async () => {
    leave();
    await take([new File([recording], FILE, {type: recording.type})]);
    await drawn('#vx-recording :is(.uploading, .waveform-container)');
    document.getElementById('vx-recognise').click();
  });
  document.addEventListener('keydown', (event) => {
    const isHere = root.contains(event.target);
    if (event.key === 'Escape' && isHearing() && root.offsetParent) stop();
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && isHere) {
      event.stopImmediatePropagation();
      press();
    }
  }, true);
  window.addEventListener('dragenter', () => { if (state === 'over') enter('off'); });  // for the field, which takes files
  window.addEventListener('beforeunload', (event) => { if (isOn()) event.preventDefault(); });
  drawn('#vx-live-card .turns').then((box) => { view = turnsIn(box.closest('.card')); });
  enter('off');
}

// [start, end, text]… of these turns: of their segments where the server has told any.
function captionsOf(turns, total) {
  return turns.flatMap(({start, end, settled, open, segments}) => {
    const text = (settled + open).trim();
    return segments.length && !open ? segments : text ? [[start ?? 0, end ?? total, text]] : [];
  });
}

// The turns as they are spoken, each a line with its time. The view follows until somebody scrolls up. A screen reader
// hears whole sentences, once they are settled.
function turnsIn(root) {
  const box = root.querySelector('.turns'), now = root.querySelector('.now'), log = root.querySelector('.live');
  const lines = new Map(), told = new Map();
  let isFollowing = true;

  const openWords = (textContent) => made('span', {className: 'later', textContent});
  const toEnd = () => { box.scrollTop = box.scrollHeight; };
  const isAtEnd = () => box.scrollHeight - box.scrollTop - box.clientHeight < 24;

  function lineOf({id, start}) {
    if (!lines.has(id)) {
      const line = made('p', {}, made('span', {className: 'at', textContent: clock(start ?? 0)}), made('span'), openWords(''));
      lines.set(id, line);
      box.append(line);
    }
    return lines.get(id);
  }

  function announce({id, settled, isOver}) {
    const rest = settled.slice(told.get(id) ?? 0), whole = isOver ? rest : SENTENCE.exec(rest)?.[0] ?? '';
    if (!whole.trim()) return;
    told.set(id, (told.get(id) ?? 0) + whole.length);
    log.append(made('span', {textContent: `${whole.trim()} `}));
    if (log.childElementCount > 20) log.firstElementChild.remove();
  }

  function write(turn) {
    const [, settled, open] = lineOf(turn).children;
    if (settled.textContent !== turn.settled) settled.textContent = turn.settled;
    const later = turn.isOver || turn.settled || turn.open ? turn.open : '…';
    if (open.textContent !== later) open.replaceWith(openWords(later));  // it doesn't move: its words settle where they are
    announce(turn);
  }

  box.addEventListener('scroll', () => {
    isFollowing = isAtEnd();
    now.hidden = isFollowing;
  });
  now.addEventListener('click', () => {
    toEnd();
    box.focus();
  });

  return {
    tell(sentence, like) {
      root.dataset.state = like;
      const line = root.querySelector('.say');
      if (line.textContent !== sentence) line.textContent = sentence;
    },

    clear() {
      lines.clear();
      told.clear();
      box.replaceChildren(made('p', {className: 'hint', textContent: say(HINT)}));
      log.replaceChildren();
      isFollowing = true;
      now.hidden = true;
    },

    show(turns) {
      if (turns.length) box.querySelector('.hint')?.remove();
      const there = new Set(turns.map(({id}) => id));
      for (const [id, line] of lines) {
        if (there.has(id)) continue;
        line.remove();
        lines.delete(id);
      }
      turns.forEach(write);
      if (isFollowing) toEnd();
    },
  };
}
