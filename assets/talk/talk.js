// The Talk tab: it listens while a button is held, or until one falls silent, sends what was said, and speaks the answer
// sentence by sentence; a word said over it interrupts. The conversation is kept here alone, and in this browser's History:
// the server gets all of it with each turn.
import {pauseSound} from '../job/audio_output.js';
import {keep} from '../job/history.js';
import {wav} from '../job/samples.js';
import {microphone, RATE} from '../live/microphone.js';
import {session} from '../live/session.js';
import {button, made, saveText} from '../shell/elements.js';
import {fill, saying} from '../shell/phrases.js';
import {answerOf, checkServer} from '../shell/server.js';
import {browser, newId, state as page} from '../shell/state.js';
import {asked} from '../voices/picker.js';
import {answered} from './answer.js';
import {bubbles} from './bubbles.js';
import {joined, spoken} from './sound.js';

const CHOICE = 'vx-talk-choice', FILE = 'voxdemo-talk.txt', ADVISED = 'talk-advised';
const LOOK_MS = 100;  // between two looks at the words that are heard
const BEFORE_S = 0.3;  // of sound that belongs to a turn, before it was detected
const MOST_PEAKS = 600;
const SHOWN = 40;  // characters
const OTHERS = 'input, textarea, select, a, summary, audio, button:not(.press), [role=tab], [role=slider], [contenteditable]';
const seconds = (ms) => (ms / 1000).toFixed(1);

// Of these samples: the loudest of every few, in percent.
function peaksOf(samples) {
  const each = Math.max(RATE / 10, Math.ceil(samples.length / MOST_PEAKS));
  return Array.from({length: Math.ceil(samples.length / each)}, (_, index) =>
    Math.round(samples.subarray(index * each, (index + 1) * each).reduce((most, sample) => Math.max(most, Math.abs(sample)), 0) / 327.68));
}

export function talk(element, {words, rule, worklet, isOpen}) {
  const root = element.querySelector('.talk'), find = (selector) => root.querySelector(selector);
  const view = bubbles(root, foot), field = find('textarea'), press = find('.press'), free = find('.free input');
  const who = () => document.querySelector('#vx-talk-who textarea').value;
  let messages = [], mic = null, line = null, isAsking = false, isHeld = false, isStopped = false, releasedAt = 0, answer = null, told = '', ahead = '';
  let said = new Map(), recorded = [], times = {};  // by the turn of live recognition: {bubble, at}; its sound; of the last answer, in ms
  let turns = [], talkId = newId(), address = '';  // of this conversation: {mine, text, samples}; its entry in the History
  const playing = new Audio();

  // What is shown

  function state() {
    if (isAsking) return 'asking';
    if (answer) return answer.sound.isHeard ? 'speaking' : answer.isWaiting ? 'waiting' : 'thinking';
    return mic ? 'listening' : line && !free.checked ? 'thinking' : 'idle';
  }

  function paint() {
    const now = state(), doing = answer ? 'stop' : free.checked ? 'listening' : isHeld ? 'release' : 'hold';
    root.dataset.state = now;
    press.dataset.does = doing;
    press.textContent = words[doing];
    const thinks = {n: seconds(performance.now() - (answer?.begun ?? releasedAt))};
    const sentence = told || (now === 'waiting' && ahead) || fill(words.states[now], thinks);
    if (find('.say').textContent !== sentence) find('.say').textContent = sentence;
    if (find('.live').textContent !== told) find('.live').textContent = told;  // the rest is heard
    root.classList.toggle('wrong', Boolean(told));
    find('.new').hidden = find('.save').hidden = !messages.length;
    const {heard, thought, sound} = times;
    const spans = [[words.heard, heard], [words.thought, thought], [words.first, sound]].filter(([, ms]) => ms !== undefined);
    find('.times').replaceChildren(...spans.map(([phrase, ms]) => made('span', {textContent: fill(phrase, {n: seconds(ms)})})));
  }

  function tell(sentence) {
    told = sentence;
    paint();
  }

  // What I say

  async function listen() {
    if (!isOpen || !navigator.mediaDevices) return hush(isOpen ? page.words.insecure : words.closed);
    if (isAsking || mic) return;
    if (line) {  // what was said before is still being read
      isHeld = free.checked = false;
      return paint();
    }
    told = '';
    isAsking = true;
    pauseSound();
    paint();
    try {
      mic = await microphone(worklet, {hear: note, level: () => {}, end: () => hush(words.unplugged)});
      if (!isHeld && !free.checked) return hush(told);
      said = new Map();
      recorded = [];
      line = session({open: () => mic?.begin(), change: hear, end: lost}, free.checked);
      browser.set(ADVISED, '1');
    } catch (error) {
      hush(page.words[error.name] ?? words.lost);
    } finally {
      isAsking = false;
      paint();
    }
  }

  function note(samples) {
    recorded.push(samples);
    line?.hear(samples);
  }

  function hush(why = '') {
    mic?.close();
    mic = null;
    isHeld = free.checked = false;
    releasedAt = performance.now();
    line?.stop();
    tell(why);
  }

  function hold() {
    isHeld = true;
    listen();
  }

  const release = () => { if (isHeld) hush(told); };

  async function lost(error) {
    line = null;
    if (!mic && !error) return paint();
    mic?.close();
    mic = null;
    isHeld = free.checked = false;
    tell(words[error?.code] ?? (error?.message ? saying(error) : await answerOf('health') ? words.refused : words.lost));
  }

  function hear(now) {
    for (const turn of now) {
      const before = said.get(turn.id) ?? begin(turn), text = (turn.settled + turn.open).trim();
      if (before.isOver) continue;
      if (text && !before.bubble) {
        interrupt();
        before.bubble = view.mine();
      }
      before.bubble?.write(turn.settled.trimStart(), turn.open);
      if (turn.end !== null) before.at ??= performance.now();
      if (turn.isOver) over(before, text, turn);
    }
    const there = new Set(now.map(({id}) => id));
    for (const [id, before] of said) if (!there.has(id) && !before.isOver) over(before, '');
  }

  // Somebody begins to speak: what is spoken pauses until it is known whether it was a word.
  function begin(turn) {
    const mine = {bubble: null, at: null, isOver: false};
    said.set(turn.id, mine);
    answer?.sound.pause();
    paint();
    return mine;
  }

  function over(before, text, {start = null, end = null} = {}) {
    before.isOver = true;
    if (!text) {
      before.bubble?.remove();
      return answer?.sound.resume();
    }
    const from = start === null ? 0 : Math.max(0, start - BEFORE_S);
    before.bubble.write(text);
    say(text, before.bubble, performance.now() - (before.at ?? releasedAt), joined(recorded).slice(from * RATE, end === null ? Infinity : end * RATE));
  }

  function say(text, bubble, ms, samples = new Int16Array()) {
    bubble.end(text, samples);
    turns.push({mine: true, text, samples});
    const last = messages.at(-1);
    if (last?.role === 'user') last.content += `\n${text}`;  // there was no answer to it
    else messages.push({role: 'user', content: text});
    times = {heard: ms};
    ask();
  }

  // What answers me

  async function ask() {
    told = '';
    const leaving = new AbortController(), begun = performance.now();
    const bubble = view.theirs(), sound = spoken(() => heed(mine), () => { if (answer === mine) interrupt(); });
    const mine = {bubble, sound, leaving, begun, text: '', isWaiting: false};
    answer = mine;
    paint();
    const {wrong, ...voice} = await asked(CHOICE);
    if (answer !== mine) return;
    if (wrong) return fail(mine, wrong);
    const system = {role: 'system', content: `${who().trim()}\n\n${rule}`.trim()};
    for await (const event of answered({...voice, messages: [system, ...messages]}, leaving.signal)) {
      if (answer !== mine) return;
      take(mine, event, begun);
    }
  }

  function take(mine, event, begun) {
    const {bubble, sound} = mine;
    switch (event.type) {
      case 'talk.text':
        times.thought ??= performance.now() - begun;
        mine.text += event.text;
        bubble.write(event.text);
        break;
      case 'talk.sentence':
        bubble.cut(event.text);
        sound.sentence(event.text);
        break;
      case 'speech.progress':
        mine.isWaiting = event.state === 'waiting' && event.ahead > 0;
        ahead = fill(event.ahead === 1 ? words.aheadOne : words.ahead, {n: event.ahead});
        break;
      case 'speech.audio.delta':
        sound.add(event.audio);
        times.sound ??= sound.firstAt - begun - times.thought;
        break;
      case 'speech.captions':
        sound.caption(event.segments);
        break;
      case 'talk.unspoken':
        told = saying(event.error);
        break;
      case 'talk.done':
        sound.end();
        break;
      case 'error':
        return fail(mine, event.error.message ? saying(event.error) : event.status === 401 ? words.closed : words.lost);
    }
    paint();
  }

  // What was written is still heard; the sentence stays until the next turn.
  function fail(mine, why) {
    told = why;
    mine.sound.end();
    if (why === words.lost) checkServer();
    paint();
  }

  function heed(mine) {
    if (answer !== mine) return;
    mine.bubble.begun(...mine.sound.begun);
    if (mine.sound.isOver) settle(mine, mine.text, null);
    paint();
  }

  function settle(mine, text, part) {
    const samples = mine.sound.samples(part === null);
    answer = null;
    mine.sound.close();
    mine.bubble.end(part, samples);
    if (text.trim()) {
      messages.push({role: 'assistant', content: text.trim()});
      turns.push({mine: false, text: text.trim(), samples});
    }
    remember();
    paint();
  }

  // What stands below what was said.
  function foot(text, samples) {
    const first = text.slice(0, SHOWN);
    const copy = button('copy', words.copy, fill(words.copyOf, {first}), async () => {
      const isCopied = await navigator.clipboard.writeText(text).then(() => true, () => false);  // only over https
      copy.textContent = isCopied ? words.copied : words.copy;
      if (!isCopied) tell(words.uncopied);
    });
    const play = button('again', '▶', fill(words.play, {first}), () => {
      URL.revokeObjectURL(playing.src);
      playing.src = URL.createObjectURL(wav([samples], RATE));
      playing.play();
    });
    return samples.length ? [play, copy] : [copy];
  }

  const asText = () => turns.map(({mine, text}) => `${mine ? words.me : words.them}: ${text}\n`).join('\n');

  // The conversation as one entry of the History: its sound lasts as long as this page.
  function remember() {
    const samples = joined(turns.map((turn) => turn.samples));
    if (!samples.length) return;
    let at = 0;
    const captions = turns.map(({text, samples: {length}}) => [at / RATE, (at += length) / RATE, text]);
    const before = address;
    address = URL.createObjectURL(wav([samples], RATE));
    keep({id: talkId, at: Date.now(), url: address, total: samples.length / RATE, isTalk: true,
      asked: {text: asText(), kind: words.kind}, heard: {captions, peaks: peaksOf(samples)}});
    URL.revokeObjectURL(before);
  }

  // What had been heard is all that either of us remembers.
  function interrupt() {
    if (!answer) return;
    const mine = answer, part = mine.sound.heard;
    mine.leaving.abort();
    settle(mine, part && `${part} …`, part);
  }

  function clear() {
    interrupt();
    messages = [];
    turns = [];
    talkId = newId();
    address = '';
    times = {};
    view.clear();
    tell('');
    field.focus();
  }

  function send() {
    const text = field.value.trim();
    if (!isOpen) return tell(words.closed);
    if (!text) return;
    field.value = '';
    interrupt();
    const bubble = view.mine();
    bubble.write(text);
    say(text, bubble);
  }

  // The big button, and the space bar: stops what is said, else listens as long as it is held. Those who can't hold it, as
  // with a screen reader, press it twice.
  function begins() {
    isStopped = Boolean(answer);
    if (answer) interrupt();
    else if (!free.checked) hold();
  }

  press.addEventListener('pointerdown', ({button: which}) => { if (!which) begins(); });
  window.addEventListener('pointerup', release);
  window.addEventListener('pointercancel', release);
  press.addEventListener('contextmenu', (event) => event.preventDefault());  // of a long touch
  press.addEventListener('click', ({detail}) => {
    const isDone = isStopped && detail;  // when it was pressed
    isStopped = false;
    if (isDone) return;
    if (free.checked && !answer) hush();
    else if (!detail && isHeld) release();
    else if (!detail) begins();
  });
  setInterval(() => { if (answer) heed(answer); else if (line && !mic) paint(); }, LOOK_MS);
  free.addEventListener('change', () => (free.checked ? listen() : hush()));
  document.addEventListener('keydown', (event) => {
    if (event.key !== ' ' || !root.offsetParent || event.target.closest(OTHERS)) return;
    event.preventDefault();
    if (!event.repeat) begins();
  });
  document.addEventListener('keyup', (event) => {
    if (event.key !== ' ' || !root.offsetParent || event.target.closest(OTHERS)) return;
    event.preventDefault();
    release();
  });
  find('.send').addEventListener('click', send);
  find('.new').addEventListener('click', clear);
  find('.save').addEventListener('click', () => saveText(asText(), FILE));
  field.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  });
  document.addEventListener('keydown', ({key}) => { if (key === 'Escape' && root.offsetParent) interrupt(); });
  window.addEventListener('click', ({target}) => {  // another tab was opened: nobody is heard there
    if (target.closest?.('#vx-tabs [role=tab]') && mic) setTimeout(() => { if (!root.offsetParent) hush(); });
  });
  find('.hint').hidden = Boolean(browser.get(ADVISED));
  paint();
}
