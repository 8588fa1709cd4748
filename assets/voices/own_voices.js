// The voices that people keep: what of them the parts of the page share.
import {inBrowser, onServer} from './shelf.js';

const painters = [];

export const own = {
  voices: [],
  trouble: '',  // why they can't be had
  words: null,
  limits: null,
  shelf: null,
  chosen: '',  // the id of the one that is picked on the Speak tab
};

export const sentenceOf = (error) => error?.isSaid ? error.message : own.words.broken;
export const isNamed = (name) => own.voices.some((voice) => voice.name.toLowerCase() === name.toLowerCase());
export const picked = () => own.voices.find(({id}) => id === own.chosen);

export function begin({words, limits, isOnServer}) {
  if (own.shelf) return;
  Object.assign(own, {words, limits, shelf: (isOnServer ? onServer : inBrowser)(words)});
  reload();
}

// Paints now, and whenever there are other voices.
export function follow(paint, watch) {
  watch('value', paint);
  painters.push(paint);
  paint();
}

const paintAll = () => painters.forEach((paint) => paint());

export async function reload() {
  try {
    own.voices = (await own.shelf.list()).sort((one, other) => one.name.localeCompare(other.name));
    own.trouble = '';
  } catch (error) {
    own.voices = [];
    own.trouble = sentenceOf(error);
  }
  paintAll();
}

// One that is gone stays gone.
export function choose(id) {
  if (!own.voices.some((voice) => voice.id === id)) return;
  own.chosen = id;
  paintAll();
}

// Says a sentence below a part; what is wrong has another colour.
export function sayIn(line) {
  return (sentence, isWrong = false) => {
    line.textContent = sentence;
    line.classList.toggle('wrong', isWrong);
  };
}
