// Below Start: what the lines would take now, and how long the line is.
import {made} from '../shell/elements.js';
import {fill, people, roughly} from '../shell/phrases.js';
import {current} from './lines.js';
import {flaw} from './order.js';
import {count} from './rows.js';

// The server's value: {seconds, ahead, wait, ready}, null where that isn't known.
export function paintEstimate(props, isBusy) {
  const lines = current(), {words, isOpen} = props, {seconds, ahead, wait, ready: isReady} = props.value ?? {};
  const target = document.querySelector('#vx-batch-estimate p');
  if (!target) return;
  const wrong = lines.length || !isOpen ? flaw(lines, props) : '', rest = isReady === false ? words.loading : words.ready;
  const isKnown = seconds != null, time = isKnown && roughly(seconds);
  const size = {lines: count(lines.length), time, characters: count(lines.reduce((sum, {text}) => sum + text.length, 0))};
  const one = lines.length === 1;
  const phrase = isKnown ? one ? words.sizeOneAbout : words.sizeAbout : one ? words.sizeOne : words.size;
  const line = !ahead ? words.nobody : isKnown && wait != null ? words.queueAbout : words.queue;
  target.className = wrong ? 'over' : '';
  target.replaceChildren(wrong || (lines.length ? fill(phrase, size) : rest));
  if (wrong || ahead == null || isBusy) return;  // of whom the line is then, the card says
  const values = {people: people(ahead), time: isKnown && wait != null ? roughly(seconds + wait) : ''};
  target.append(made('span', {textContent: fill(line, values)}));
}
