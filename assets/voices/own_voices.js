// What lists of voices share: the voices that people keep, a voice's row, and the buttons that play a voice, one at a
// time, each of which stops its own.
import {button} from '../shell/elements.js';
import {fill, UNEXPECTED} from '../shell/phrases.js';
import {GONE, inBrowser, onServer, refusal} from './shelf.js';

export const SPEAK = 'vx-choice';  // where a voice is chosen on the Speak tab
export const NAME_TAKEN = "A voice of that name is saved already: choose another name.";

const painters = [];
const audio = new Audio();
let sounding = null, address = '';

export const own = {
  voices: [],
  trouble: '',  // why they can't be had
  limits: null,
  shelf: null,
  chosen: {},  // the ids of those that are picked, by where that is
};

export const sentenceOf = (error) => error?.isSaid ? error.message : UNEXPECTED;
export const isNamed = (name) => own.voices.some((voice) => voice.name.toLowerCase() === name.toLowerCase());
export const picked = (where = SPEAK) => own.voices.find(({id}) => id === own.chosen[where]);

// What the server says of voices that are kept.
export function begin({limits, isOnServer}) {
  Object.assign(own, {limits, shelf: isOnServer ? onServer : inBrowser});
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
  own.chosen[SPEAK] = id;
  paintAll();
}

// Says a sentence below a part; what is wrong has another colour.
export function sayIn(line) {
  return (sentence, isWrong = false) => {
    line.textContent = sentence;
    line.classList.toggle('wrong', isWrong);
  };
}

// Does this, and says what went wrong.
export async function orSay(say, act) {
  try {
    return await act();
  } catch (error) {
    return say(sentenceOf(error), true);
  }
}

export function playButton(text, label, name, act) {
  const each = button('play-one', text, label, () => sounding === each ? hush() : act(each));
  Object.assign(each.dataset, {text, label, name});
  return each;
}

export function hush() {
  audio.pause();
  if (sounding) {
    sounding.classList.remove('playing');
    sounding.textContent = sounding.dataset.text;
    sounding.setAttribute('aria-label', sounding.dataset.label);
  }
  if (address) URL.revokeObjectURL(address);
  sounding = null;
  address = '';
}

export async function play(from, url) {
  hush();
  sounding = from;
  from.classList.add('playing');
  if (from.dataset.text) from.textContent = "Stop";
  from.setAttribute('aria-label', fill("Stop {name}", from.dataset));
  audio.src = url;
  try {
    await audio.play();
  } catch (error) {
    if (sounding !== from) return;  // another one was pressed
    hush();
    throw error.name === 'NotAllowedError' ? refusal("Audio is ready: press Play again.") : error;
  }
}

export async function hear(from, voice, tell) {
  try {
    const url = URL.createObjectURL(await own.shelf.recording(voice));
    const playing = play(from, url);
    address = url;
    await playing;
  } catch (error) {
    tell(sentenceOf(error), true);
    if (error.code === GONE) reload();
  }
}

audio.addEventListener('ended', hush);
audio.addEventListener('pause', () => { if (audio.paused && !audio.ended) hush(); });  // for another sound
