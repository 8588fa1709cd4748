// The buttons that play a voice: one at a time, each stops its own.
import {button} from '../shell/elements.js';
import {fill} from '../shell/phrases.js';
import {own, reload, sentenceOf} from './own_voices.js';
import {refusal} from './shelf.js';

const audio = new Audio();
let sounding = null, address = '';

export function playButton(text, label, name, act) {
  const each = button('play-one', text, label, () => sounding === each ? hush() : act(each));
  Object.assign(each.dataset, {text, label, name});
  return each;
}

export function hush() {
  audio.pause();
  if (sounding) {
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
  from.textContent = own.words.stop;
  from.setAttribute('aria-label', fill(own.words.stopOf, from.dataset));
  audio.src = url;
  try {
    await audio.play();
  } catch (error) {
    if (sounding !== from) return;  // another one was pressed
    hush();
    throw error.name === 'NotAllowedError' ? refusal(own.words.blocked) : error;
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
    if (error.message === own.words.gone) reload();
  }
}

audio.addEventListener('ended', hush);
audio.addEventListener('pause', () => { if (audio.paused && !audio.ended) hush(); });  // for another sound
