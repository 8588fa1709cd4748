// The Talk tab: it listens live, sends what was said when one falls silent, and speaks the answer sentence by sentence; a
// word said over it interrupts. The conversation is kept here alone: the server gets all of it with each turn.
import {pauseSound} from '../job/audio_output.js';
import {microphone} from '../live/microphone.js';
import {session} from '../live/session.js';
import {made, save} from '../shell/elements.js';
import {fill, saying} from '../shell/phrases.js';
import {answerOf, checkServer} from '../shell/server.js';
import {state as page} from '../shell/state.js';
import {asked} from '../voices/picker.js';
import {answered} from './answer.js';
import {bubbles} from './bubbles.js';
import {spoken} from './sound.js';

const CHOICE = 'vx-talk-choice', FILE = 'voxdemo-talk.txt';
const seconds = (ms) => (ms / 1000).toFixed(1);

export function talk(element, {words, rule, worklet, isOpen}) {
  const root = element.querySelector('.talk'), find = (selector) => root.querySelector(selector);
  const view = bubbles(root), field = find('textarea'), press = find('.press');
  const who = () => document.querySelector('#vx-talk-who textarea').value;
  let messages = [], mic = null, line = null, isAsking = false, answer = null, told = '', ahead = '';
  let said = new Map(), times = {};  // by the turn of live recognition: {bubble, at}; of the last answer, in ms

  // What is shown

  function state() {
    if (isAsking) return 'asking';
    if (answer) return answer.sound.isHeard ? 'speaking' : answer.isWaiting ? 'waiting' : 'thinking';
    return mic ? 'listening' : 'idle';
  }

  function paint() {
    const now = state(), doing = answer ? 'stop' : mic || isAsking ? 'leave' : 'start';
    root.dataset.state = now;
    press.dataset.does = doing;
    press.textContent = words[doing];
    press.disabled = isAsking;
    const sentence = told || (now === 'waiting' && ahead) || words.states[now];
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
    if (!isOpen) return tell(words.closed);
    if (!navigator.mediaDevices) return tell(page.words.insecure);
    told = '';
    isAsking = true;
    pauseSound();
    paint();
    try {
      mic = await microphone(worklet, {hear: (samples) => line?.hear(samples), level: () => {}, end: () => hush(words.unplugged)});
      said = new Map();
      line = session({open: () => mic?.begin(), change: hear, end: lost});
    } catch (error) {
      told = page.words[error.name] ?? words.lost;
    }
    isAsking = false;
    paint();
  }

  function hush(why = '') {
    mic?.close();
    mic = null;
    line?.stop();
    tell(why);
  }

  async function lost(error) {
    line = null;
    if (!mic) return;
    mic.close();
    mic = null;
    tell(words[error?.code] ?? (error?.message ? saying(error) : await answerOf('health') ? words.refused : words.lost));
  }

  function hear(turns) {
    for (const turn of turns) {
      const before = said.get(turn.id) ?? begin(turn), text = (turn.settled + turn.open).trim();
      if (before.isOver) continue;
      if (text && !before.bubble) {
        interrupt();
        before.bubble = view.mine();
      }
      before.bubble?.write(turn.settled.trimStart(), turn.open);
      if (turn.end !== null) before.at ??= performance.now();
      if (turn.isOver) over(before, text);
    }
    const there = new Set(turns.map(({id}) => id));
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

  function over(before, text) {
    before.isOver = true;
    if (!text) {
      before.bubble?.remove();
      return answer?.sound.resume();
    }
    before.bubble.write(text);
    say(text, before.at === null ? undefined : performance.now() - before.at);
  }

  function say(text, heard) {
    const last = messages.at(-1);
    if (last?.role === 'user') last.content += `\n${text}`;  // there was no answer to it
    else messages.push({role: 'user', content: text});
    times = {heard};
    ask();
  }

  // What answers me

  async function ask() {
    told = '';
    const leaving = new AbortController(), begun = performance.now();
    const bubble = view.theirs(), sound = spoken(() => heed(mine), () => { if (answer === mine) interrupt(); });
    const mine = {bubble, sound, leaving, text: '', isWaiting: false};
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
    mine.bubble.begun(mine.sound.begun);
    if (mine.sound.isOver) settle(mine, mine.text, null);
    paint();
  }

  function settle(mine, text, heard) {
    answer = null;
    mine.sound.close();
    mine.bubble.end(heard);
    if (text.trim()) messages.push({role: 'assistant', content: text.trim()});
    paint();
  }

  // What had been heard is all that either of us remembers.
  function interrupt() {
    if (!answer) return;
    const mine = answer, {heard} = mine.sound;
    mine.leaving.abort();
    settle(mine, heard && `${heard} …`, heard);
  }

  function clear() {
    interrupt();
    messages = [];
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
    view.mine().write(text);
    say(text);
  }

  press.addEventListener('click', () => (answer ? interrupt() : mic ? hush() : listen()));
  find('.send').addEventListener('click', send);
  find('.new').addEventListener('click', clear);
  find('.save').addEventListener('click', () => {
    const names = {user: words.me, assistant: words.them};
    const lines = messages.map(({role, content}) => `${names[role]}: ${content}\n`);
    save(new Blob([lines.join('\n')], {type: 'text/plain;charset=utf-8'}), FILE);
  });
  field.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  });
  document.addEventListener('keydown', ({key}) => { if (key === 'Escape' && root.offsetParent) interrupt(); });
  window.addEventListener('click', ({target}) => {  // another tab was opened: nobody is heard there
    if (target.closest?.('#vx-tabs [role=tab]') && mic) setTimeout(() => { if (!root.offsetParent) hush(); });
  });
  paint();
}
