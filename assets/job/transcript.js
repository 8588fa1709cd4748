// The files of a transcript with what people corrected in it: captions have the corrected words, at the times of those
// that they stand for. What nobody has changed is the server's file, unless it was recognised live. And the way of a
// transcript to the Speak tab.
import {save} from '../shell/elements.js';
import {toSpeak} from '../shell/tabs.js';
import {replaceText} from './history.js';

const WORD = /\p{Script=Han}\s*|[^\s\p{Script=Han}]+\s*/gu;  // Chinese has no spaces
const key = (word) => word.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '') || word.trim();
const wordsOf = (text) => text.match(WORD) ?? [];

// How many words at the beginning are the same.
function same(one, other) {
  const end = one.findIndex((word, index) => word !== other[index]);
  return end < 0 ? one.length : end;
}

// For each word of `after` the place in `before` of the one that it is or replaces, with the fewest edits; of an added
// one that of its neighbour before it, which is -1 at the beginning.
function places(before, after) {
  const wide = after.length + 1, cost = new Uint16Array((before.length + 1) * wide);
  for (let from = before.length; from >= 0; from--) {
    for (let to = after.length; to >= 0; to--) {
      const at = from * wide + to, ends = from === before.length || to === after.length;
      cost[at] = ends ? before.length - from + after.length - to : Math.min(
        cost[at + wide + 1] + (before[from] !== after[to]), cost[at + wide] + 1, cost[at + 1] + 1);
    }
  }
  const found = [];
  for (let from = 0, to = 0; to < after.length;) {
    const at = from * wide + to, isLast = from === before.length;
    if (!isLast && cost[at] === cost[at + wide + 1] + (before[from] !== after[to])) { found.push(from++); to += 1; }
    else if (!isLast && cost[at] === cost[at + wide] + 1) from += 1;
    else { found.push(from - 1); to += 1; }
  }
  return found;
}

// The captions, [[start, end, text]…], with the words of this text instead.
export function corrected(captions, text) {
  const owners = captions.flatMap(([, , words], index) => wordsOf(words).map(() => index));
  const before = captions.flatMap(([, , words]) => wordsOf(words).map(key)), words = wordsOf(text), after = words.map(key);
  const head = same(before, after), rest = [before.slice(head), after.slice(head)];
  const tail = same(rest[0].toReversed(), rest[1].toReversed());
  const middle = places(rest[0].slice(0, rest[0].length - tail), rest[1].slice(0, rest[1].length - tail));
  const written = captions.map(() => '');
  words.forEach((word, index) => {
    const fromEnd = words.length - index, changed = middle[index - head];
    const place = index < head ? index : fromEnd <= tail ? before.length - fromEnd : head + changed;
    written[owners[Math.max(0, place)] ?? 0] += word;
  });
  return captions.map(([start, end], index) => [start, end, written[index].replace(/\s+/g, ' ').trim()]);
}

const LINE_CHARS = 42;  // as in the server's files
const ESCAPED = {'&': '&amp;', '<': '&lt;', '>': '&gt;'}, NO_TAGS = {'<': '‹', '>': '›'};
let heard = null;

const lines = (text) => text.replace(new RegExp(`(.{1,${LINE_CHARS}})(\\s+|$)`, 'g'), '$1\n').trimEnd();

function clock(seconds, decimal) {
  const whole = Math.round(seconds * 1000), two = (number) => String(Math.floor(number)).padStart(2, '0');
  const [hours, minutes, rest] = [whole / 3600000, whole / 60000 % 60, whole / 1000 % 60];
  return `${two(hours)}:${two(minutes)}:${two(rest)}${decimal}${String(whole % 1000).padStart(3, '0')}`;
}

const cues = (captions, decimal, shown) => captions.filter(([, , text]) => text).map(([start, end, text], index) =>
  `${decimal === ',' ? `${index + 1}\n` : ''}${clock(start, decimal)} --> ${clock(end, decimal)}\n${shown(lines(text))}\n`);
const FILES = {
  srt: (captions) => cues(captions, ',', (text) => text.replace(/[<>]/g, (sign) => NO_TAGS[sign])).join('\n'),
  vtt: (captions) => ['WEBVTT\n', ...cues(captions, '.', (text) => text.replace(/[&<>]/g, (sign) => ESCAPED[sign]))].join('\n'),
  txt: (captions, text) => `${text.trim()}\n`,
};

const transcript = () => document.querySelector('#vx-said textarea');

function show(text) {
  document.getElementById('vx-hear').dataset.said = text.trim() ? 'yes' : '';
}

function speakThis() {
  const field = document.querySelector('#vx-text textarea');
  field.value = transcript().value.trim();
  field.dispatchEvent(new Event('input', {bubbles: true}));
  toSpeak();
}

window.addEventListener('voxdemo-result', ({detail}) => {
  if (detail.card !== 'vx-heard') return;
  heard = detail;
  show(heard.text);
});
document.addEventListener('input', ({target}) => { if (target === transcript()) show(target.value); });
document.addEventListener('click', ({target}) => {
  const pressed = target.closest?.('#vx-speak-this button');
  if (pressed) replaceText(pressed, speakThis);
});
document.addEventListener('click', (event) => {
  const link = event.target.closest?.('#vx-heard [data-ending]'), {ending} = link?.dataset ?? {};
  const text = transcript()?.value;
  if (!link || !heard || (ending !== 'txt' && text === heard.text && !heard.url.startsWith('blob:'))) return;
  event.preventDefault();
  save(new Blob([FILES[ending](corrected(heard.captions, text), text)], {type: 'text/plain'}), link.download);
});
