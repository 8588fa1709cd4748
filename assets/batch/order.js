// What a batch asks for: whether it can be sent, as what, and how long it would take now.
import {made} from '../shell/elements.js';
import {fill, people, roughly} from '../shell/phrases.js';
import {state as page} from '../shell/state.js';
import {current} from './lines.js';
import {count} from './rows.js';

export const CLOSED = "Batches need a login here. Log in again, or ask the server's operator.";

// What is wrong with the lines; '' for nothing. `most` is how many lines and characters there may be.
export function flaw(lines, {most}) {
  if (!page.isOpen) return CLOSED;
  if (!lines.length) return "There are no lines yet. Write some or choose a file, then press Start.";
  const values = {lines: count(lines.length), most: count(most.lines), over: count(lines.length - most.lines)};
  if (lines.length > most.lines) return fill("{lines} lines: {over} more than the {most} that fit. Make several batches of them.", values);
  const at = lines.findIndex(({text}) => text.length > most.characters);
  if (at < 0) return '';
  const {length} = lines[at].text, over = count(length - most.characters);
  const size = {line: count(at + 1), characters: count(length), over, most: count(most.characters)};
  return fill("Line {line} has {characters} characters: {over} more than the {most} that fit.", size);
}

// The body of the job's order; `voice` has the fields that name one.
export function order(lines, {voice, format, speed, seed}) {
  const times = lines.every(({start}) => start != null) && {starts: lines.map(({start}) => start)};
  const names = lines.some(({name}) => name) && {names: lines.map(({name}) => name ?? '')};
  const written = String(seed ?? '').trim();
  return JSON.stringify({
    inputs: lines.map(({text}) => text), response_format: format, speed, skip_unspeakable: true,
    ...voice, ...(written ? {seed: Number(written)} : {}), ...times, ...names,
  });
}

// Below Start: what the lines would take now, and how long the line is. The server's value: {seconds, ahead, wait, ready},
// null where that isn't known.
export function paintEstimate(props, isBusy) {
  const lines = current(), {seconds, ahead, wait, ready: isReady} = props.value ?? {};
  const target = document.querySelector('#vx-batch-estimate p');
  if (!target) return;
  const wrong = lines.length || !page.isOpen ? flaw(lines, props) : '', rest = isReady === false ? "Still loading." : "Ready.";
  const isKnown = seconds != null, time = isKnown && roughly(seconds);
  const size = {lines: count(lines.length), time, characters: count(lines.reduce((sum, {text}) => sum + text.length, 0))};
  const [phrase, rough] = lines.length === 1 ? ["1 line, {characters} characters.", "1 line, {characters} characters, about {time}."]
    : ["{lines} lines, {characters} characters.", "{lines} lines, {characters} characters, about {time}."];
  const line = !ahead ? "Nobody is waiting."
    : isKnown && wait != null ? "{people} ahead of you, about {time} in all." : "{people} ahead of you.";
  target.className = wrong ? 'over' : '';
  target.replaceChildren(wrong || (lines.length ? fill(isKnown ? rough : phrase, size) : rest));
  if (wrong || ahead == null || isBusy) return;  // then the card shows who is ahead
  const values = {people: people(ahead), time: isKnown && wait != null ? roughly(seconds + wait) : ''};
  target.append(made('span', {textContent: fill(line, values)}));
}
