// Samples of voices, each spoken through the line as everybody's texts are, unless it was heard on this page before; and the
// recordings of one's own.
import {fill} from '../shell/phrases.js';
import {url} from '../shell/server.js';
import {state} from '../shell/state.js';
import {hear, hush, play, playButton, sentenceOf} from './own_voices.js';

const heardBefore = new Map();  // addresses by voice
let asked = null, heardLast = -1, ask = () => {};

export const asksBy = (trigger) => { ask = trigger; };
export const wanted = () => asked?.name ?? '';
export const isWantedIn = (element) => element.contains(asked?.from);
export const forget = () => heardBefore.clear();

// A button that plays a voice of the catalogue, and stops it; `tell` says what goes wrong with one's own.
export const sampleButton = (one, tell) => one.own
  ? playButton('', fill("Play {name}", {name: one.title}), one.title, (from) => hear(from, one.own, tell))
  : playButton('', fill("Play a sample of {name}", {name: one.title}), one.title, (from) => sample(from, one.voice));

async function sample(from, name) {
  const card = state.cards['vx-sample'];
  if (!card || card.isBusy()) return;
  const row = document.getElementById('vx-sample-row');
  if (row) from.closest('.catalogue')?.querySelector('.sample').append(row);  // where it was asked for
  if (heardBefore.has(name)) {
    try {
      return await play(from, url(heardBefore.get(name)));
    } catch {
      heardBefore.delete(name);  // it is gone: it is made again
    }
  }
  if (card.holds(() => sample(from, name))) return;
  if (state.lostAt) return card.lose();
  asked = {from, name};
  hush();
  card.send();
  ask();
}

export function heard(value) {
  if (document.activeElement === document.body) asked?.from.focus({preventScroll: true});  // Cancel had it
  if (value?.state !== 'done' || value.number === heardLast) return;
  heardLast = value.number;
  heardBefore.set(asked.name, value.url);
  play(asked.from, url(value.url)).catch((error) => state.cards['vx-sample'].deny(sentenceOf(error)));
}
