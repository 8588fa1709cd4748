// The Talk tab: it listens while a button is held, or until one falls silent, sends what was said, and speaks the answer
// sentence by sentence; a word said over it interrupts. The server gets the whole conversation with each turn.
import {isPlaying} from '../job/audio_output.js';
import {made} from '../shell/elements.js';
import {fill, saying} from '../shell/phrases.js';
import {checkServer} from '../shell/server.js';
import {browser, state as page} from '../shell/state.js';
import {asked} from '../voices/picker.js';
import {answered} from './answer.js';
import {bubbles} from './bubbles.js';
import {conversation} from './conversation.js';
import {listening, LOST} from './listening.js';
import {spoken} from './sound.js';

const CHOICE = 'vx-talk-choice', ADVISED = 'talk-advised';
const LOOK_MS = 100;  // between two looks at the words that are heard
const OTHERS = 'input, textarea, select, a, summary, audio, button:not(.press), [role=tab], [role=slider], [contenteditable]';
const DOES = {held: 'release', free: 'listening', '': 'hold'};  // the big button, while there is no answer
const BUTTON = {hold: "Hold to talk", release: "Release to send", listening: "Stop listening", stop: "Stop the answer"};
const STATES = {
  idle: "Hold to talk, or type.",
  asking: "Your browser asks whether this page may use the microphone: allow it.",
  listening: "Listening",
  free: "Listening … it answers when you pause",
  deaf: "Playing. It listens again after that.",
  thinking: "Thinking {n} s",
  waiting: "Waiting",
  speaking: "Speaking. Speak to interrupt.",
  alone: "Speaking. Press the button to stop it.",
};
const CLOSED = "Talking needs a login here. Log in again, or ask the server's operator.";
const STOPPED = "Stopped before it answered.";
const seconds = (ms) => (ms / 1000).toFixed(1);

export function talk(element, {rule}) {
  const root = element.querySelector('.talk'), find = (selector) => root.querySelector(selector);
  const said = conversation(tell), view = bubbles(root, said.foot);
  const field = find('textarea'), press = find('.press'), free = find('.free input');
  const who = () => document.querySelector('#vx-talk-who textarea').value, isHere = () => Boolean(root.offsetParent);
  const heard = {
    begin,
    word() {
      interrupt();
      return view.mine();
    },
    said: say,
    nothing: () => { if (answer) answer.sound.resume(); else setAside(STOPPED); },
  };
  const ears = listening({isHere, change: paint, tell, heard});
  const written = new Map();  // by the selector of its place
  let answer = null, told = '', ahead = '', isStopped = false, times = {};  // of the last answer, in ms

  // What is shown

  function state() {
    if (ears.state === 'asking') return 'asking';
    if (answer) return answer.sound.isHeard ? 'speaking' : answer.isWaiting ? 'waiting' : 'thinking';
    return {reading: 'thinking', off: 'idle'}[ears.state] ?? 'listening';
  }

  function paint() {
    const now = state(), doing = answer ? 'stop' : DOES[ears.how];
    root.dataset.state = now;
    press.dataset.does = doing;
    free.checked = ears.how === 'free';
    const thinks = {n: seconds(performance.now() - (answer?.begun ?? ears.stoppedAt))};
    const like = free.checked && now === 'listening' ? isPlaying() ? 'deaf' : 'free' : !free.checked && now === 'speaking' ? 'alone' : now;
    write('.press', BUTTON[doing]);
    write('.say', told || (now === 'waiting' && ahead) || fill(STATES[like], thinks));
    write('.live', told);  // the rest is heard
    root.classList.toggle('wrong', Boolean(told));
    for (const each of root.querySelectorAll('.new, .save')) each.classList.toggle('unseen', said.isEmpty);
    showTimes();
  }

  // Whether another text is to stand there. It isn't read in the place, where it may have been translated, nor written again,
  // as a screen reader would say it again.
  function isNews(place, text) {
    const isSame = written.get(place) === text;
    written.set(place, text);
    return !isSame;
  }

  function write(selector, text) {
    if (isNews(selector, text)) find(selector).textContent = text;
  }

  function showTimes() {
    const {heard: hearing, thought, sound} = times;
    const phrases = [["heard in {n} s", hearing], ["thought for {n} s", thought], ["first sound after {n} s", sound]];
    const all = phrases.filter(([, ms]) => ms !== undefined).map(([phrase, ms]) => fill(phrase, {n: seconds(ms)}));
    if (isNews('.times', all.join())) find('.times').replaceChildren(...all.map((textContent) => made('span', {textContent})));
  }

  function tell(sentence) {
    told = sentence;
    paint();
  }

  // What I say

  function listen(how) {
    told = '';
    if (page.isOpen) ears.start(how); else tell(CLOSED);
  }

  const release = () => { if (ears.how === 'held') ears.stop(); };

  // Somebody begins to speak: what is spoken pauses until it is known whether it was a word.
  function begin() {
    browser.set(ADVISED, '1');
    answer?.sound.pause();
    paint();
  }

  function say(text, bubble, samples = new Int16Array(), ms = undefined) {
    bubble.end(text, samples);
    said.add(true, text, samples, bubble);
    times = {heard: ms};
    ask();
  }

  // What answers me

  async function ask() {
    told = '';
    const leaving = new AbortController(), begun = performance.now();
    const bubble = view.theirs(), sound = spoken(() => heed(mine), () => { if (answer === mine) stop(); });
    const mine = {bubble, sound, leaving, begun, text: '', isWaiting: false, why: ''};
    answer = mine;
    paint();
    const {wrong, ...voice} = await asked(CHOICE);
    if (answer !== mine) return;
    if (wrong) return fail(mine, wrong);
    const system = {role: 'system', content: `${who().trim()}\n\n${rule}`.trim()};
    for await (const event of answered({...voice, messages: [system, ...said.messages()]}, leaving.signal)) {
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
        ahead = fill(event.ahead === 1 ? "1 person is ahead of you" : "{n} people are ahead of you", {n: event.ahead});
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
        return fail(mine, event.error.message ? saying(event.error) : event.status === 401 ? CLOSED : LOST);
    }
    paint();
  }

  // What was written is still heard; the sentence stays until the next turn.
  function fail(mine, why) {
    told = mine.why = why;
    mine.sound.end();
    if (why === LOST) checkServer();
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
    if (text.trim()) said.add(false, text.trim(), samples);
    else if (mine.why) setAside(mine.why);
    said.remember();
    paint();
  }

  // What I said, and had no answer to, stays; it isn't sent with what I say next.
  function setAside(why) {
    const lost = said.setAside();
    lost.at(-1)?.bubble.unanswered(why, () => {
      stop();
      said.sayAgain(lost);
      for (const {bubble} of lost) bubble.toEnd();
      press.focus();
      times = {};
      ask();
    });
  }

  const stop = () => interrupt(STOPPED);

  // Stops the answer and keeps the part that was heard. If nothing was, `why` is shown with Try again; without `why`,
  // the next turn is sent along with this one.
  function interrupt(why = '') {
    if (!answer) return;
    const mine = answer, part = mine.sound.heard;
    mine.why = why;
    mine.leaving.abort();
    settle(mine, part && `${part} …`, part);
  }

  function clear() {
    interrupt();
    said.clear();
    times = {};
    view.clear();
    tell('');
    field.focus();
  }

  function send() {
    const text = field.value.trim();
    if (!page.isOpen) return tell(CLOSED);
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
    if (answer) stop();
    else if (!ears.how) listen('held');
  }

  press.addEventListener('pointerdown', ({button: which}) => { if (!which) begins(); });
  window.addEventListener('pointerup', release);
  window.addEventListener('pointercancel', release);
  press.addEventListener('contextmenu', (event) => event.preventDefault());  // of a long touch
  press.addEventListener('click', ({detail}) => {
    const isDone = isStopped && detail;  // when it was pressed
    isStopped = false;
    if (isDone) return;
    if (free.checked && !answer) ears.stop();
    else if (!detail && ears.how === 'held') release();
    else if (!detail) begins();
  });
  setInterval(() => { if (answer) heed(answer); else if (ears.how || ears.state === 'reading') paint(); }, LOOK_MS);
  free.addEventListener('change', () => (free.checked ? listen('free') : ears.stop()));
  const isForTalk = ({key, target}) => key === ' ' && isHere() && !target.closest(OTHERS);
  document.addEventListener('keydown', (event) => {
    if (!isForTalk(event)) return;
    event.preventDefault();
    if (!event.repeat) begins();
  });
  document.addEventListener('keyup', (event) => {
    if (isForTalk(event)) event.preventDefault();  // no click on the button
    if (event.key === ' ') release();
  });
  window.addEventListener('blur', release);
  document.addEventListener('visibilitychange', () => { if (document.hidden) release(); });
  find('.send').addEventListener('click', send);
  find('.new').addEventListener('click', clear);
  find('.save').addEventListener('click', said.save);
  field.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  });
  document.addEventListener('keydown', ({key}) => {
    if (key !== 'Escape' || !isHere()) return;
    said.silence();
    stop();
  });
  new ResizeObserver(() => {  // another tab was opened: nobody is heard there
    if (isHere()) return;
    ears.stop();
    said.silence();
  }).observe(root);
  find('.hint').hidden = Boolean(browser.get(ADVISED));
  paint();
}
