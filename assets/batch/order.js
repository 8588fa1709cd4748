// What a batch asks for: whether it can be sent, and as what.
import {fill} from '../shell/phrases.js';
import {count} from './rows.js';

// What is wrong with the lines; '' for nothing. `most` is how many lines and characters there may be.
export function flaw(lines, {words, most, isOpen}) {
  if (!isOpen) return words.closed;
  if (!lines.length) return words.missing;
  const values = {lines: count(lines.length), most: count(most.lines), over: count(lines.length - most.lines)};
  if (lines.length > most.lines) return fill(words.many, values);
  const at = lines.findIndex(({text}) => text.length > most.characters);
  if (at < 0) return '';
  const {length} = lines[at].text, over = count(length - most.characters);
  return fill(words.long, {line: count(at + 1), characters: count(length), over, most: count(most.characters)});
}

// The body of the job's order.
export function order(lines, {voice, format, speed, seed}) {
  const times = lines.every(({start}) => start != null) && {starts: lines.map(({start}) => start)};
  const names = lines.some(({name}) => name) && {names: lines.map(({name}) => name ?? '')};
  const written = String(seed ?? '').trim();
  return JSON.stringify({
    inputs: lines.map(({text}) => text), response_format: format, speed, skip_unspeakable: true,
    ...(voice ? {voice} : {}), ...(written ? {seed: Number(written)} : {}), ...times, ...names,
  });
}

export const newKey = () => [...crypto.getRandomValues(new Uint32Array(4))].map((number) => number.toString(36)).join('-');
