// One's own voices as a file, which is exported and imported.
import {fill} from '../shell/phrases.js';
import {ROUNDED_S, TOO_MANY, keepable} from './recording.js';
import {base64, refusal} from './shelf.js';

const FORMAT = 'voxdemo voices 1';
const MOST_BYTES = 400e6;  // `limits.most` of the longest are 200 MB
const KEYS = ['name', 'text', 'consented', 'audio'];

function freeName(name, taken, limits) {
  if (!taken.has(name.toLowerCase())) return name;
  for (let number = 2; ; number += 1) {
    const next = `${name.slice(0, limits.name - 4)} ${number}`;
    if (!taken.has(next.toLowerCase())) return next;
  }
}

export async function written(voices, recording) {
  const all = [];
  for (const {name, text, consented, ...rest} of voices) {
    all.push({name, text, consented, audio: await base64(await recording({name, ...rest}))});
  }
  return new Blob([JSON.stringify({format: FORMAT, voices: all})], {type: 'application/json'});
}

function isVoice(each, limits) {
  return each && typeof each === 'object' && KEYS.every((key) => typeof each[key] === 'string')
    && each.name.trim() && each.name.length <= limits.name && each.text.length <= limits.text
    && each.consented && each.consented.length <= limits.name;
}

// {voices, known}: those that are new here, and the names of those that are kept already. All of it is looked at before
// anything of it is kept.
export async function read(file, kept, limits) {
  const notOne = refusal("This isn't a voices file. Choose one made with Export all.");
  if (file.size > MOST_BYTES) throw notOne;
  let told;
  try { told = JSON.parse(await file.text()); } catch { throw notOne; }
  if (told?.format !== FORMAT || !Array.isArray(told.voices) || !told.voices.length || !told.voices.every((each) => isVoice(each, limits))) throw notOne;
  if (told.voices.length > limits.most) throw notOne;
  const taken = new Set(kept.map(({name}) => name.toLowerCase())), voices = [], known = [];
  for (const {name, text, consented, audio} of told.voices) {
    let bytes;
    try { bytes = Uint8Array.from(atob(audio), (each) => each.charCodeAt(0)); } catch { throw notOne; }
    const bad = fill("The recording of {name} in this file isn't audio of {least_s} to {longest_s} s.", {...limits, name});
    const sound = await keepable(new Blob([bytes]), limits).catch(() => { throw refusal(bad); });
    if (kept.some((each) => each.name === name.trim() && each.text === text && Math.abs(each.seconds - sound.seconds) < ROUNDED_S)) {
      known.push(name.trim());
      continue;
    }
    const free = freeName(name.trim(), taken, limits);
    taken.add(free.toLowerCase());
    voices.push({name: free, text, consented, ...sound});
  }
  if (voices.length && kept.length + voices.length > limits.most) throw refusal(fill(TOO_MANY, limits));
  return {voices, known};
}
