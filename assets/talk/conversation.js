// What was said until now, kept in this page alone: for the language model, as a text, to be heard again, and as one entry of
// this browser's History.
import {isKeptHere, keep} from '../job/history.js';
import {wav} from '../job/samples.js';
import {peaksOf} from '../job/wave.js';
import {RATE} from '../live/microphone.js';
import {button, copyButton, saveText} from '../shell/elements.js';
import {fill, say} from '../shell/phrases.js';
import {newId} from '../shell/state.js';

const FILE = 'voxdemo-talk.txt';
const SHOWN = 40;  // characters of a turn
const LEVEL_EVERY = RATE / 10;  // samples

// The loudest sample of each tenth of a second, from 0 to 1.
const levelsOf = (samples) => Array.from({length: Math.ceil(samples.length / LEVEL_EVERY)}, (_, index) =>
  samples.subarray(index * LEVEL_EVERY, (index + 1) * LEVEL_EVERY).reduce((most, sample) => Math.max(most, Math.abs(sample)), 0) / 32768);

export function conversation(tell) {
  const playing = new Audio();
  let turns = [], id = newId(), isKept = false, chosen = null;

  // A second press stops it.
  function play(samples) {
    if (chosen === samples && !playing.paused) return playing.pause();
    chosen = samples;
    URL.revokeObjectURL(playing.src);
    playing.src = URL.createObjectURL(wav([samples], RATE));
    playing.play().catch(() => {});  // another press came before it began
  }

  const nameOf = (mine) => say(mine ? "Me" : "Answer");
  const asText = () => turns.map(({mine, text}) => `${nameOf(mine)}: ${text}\n`).join('\n');

  return {
    get isEmpty() { return !turns.length; },

    // What I say has a `bubble`.
    add(mine, text, samples, bubble = null) {
      turns.push({mine, text, samples, levels: levelsOf(samples), bubble});
    },

    // What I said since the last answer: the language model isn't told of it any more, until it is said again, as the last.
    setAside() {
      const lost = turns.slice(turns.findLastIndex(({mine}) => !mine) + 1).filter(({isAside}) => !isAside);
      for (const turn of lost) turn.isAside = true;
      return lost;
    },

    sayAgain(lost) {
      for (const turn of lost) turn.isAside = false;
      turns = [...turns.filter((turn) => !lost.includes(turn)), ...lost];
    },

    // For the language model. What I said while it still thought is one message with what I had said before.
    messages() {
      const all = [];
      for (const {mine, text, isAside} of turns) {
        if (isAside) continue;
        if (mine && all.at(-1)?.role === 'user') all.at(-1).content += `\n${text}`;
        else all.push({role: mine ? 'user' : 'assistant', content: text});
      }
      return all;
    },

    // What stands below a turn.
    foot(text, samples) {
      const first = text.slice(0, SHOWN);
      const copy = copyButton('copy', text, fill("Copy: {first}", {first}), tell);
      const again = button('again', '▶', fill("Hear again: {first}", {first}), () => play(samples));
      return samples.length ? [again, copy] : [copy];
    },

    // Keeps it in the History, as it is now, unless somebody has deleted it there. Its sound lasts as long as this page.
    remember() {
      const kept = [...turns], total = kept.reduce((sum, {samples}) => sum + samples.length, 0) / RATE;
      if (!total || (isKept && !isKeptHere(id))) return;
      isKept = true;
      let at = 0;
      const captions = kept.map(({text, samples: {length}}) => [at / RATE, (at += length) / RATE, text]);
      const heard = {captions, peaks: peaksOf(kept.flatMap(({levels}) => levels))};
      const sound = () => wav(kept.map(({samples}) => samples), RATE);
      keep({id, at: Date.now(), url: `blob:${id}`, total, saveAs: FILE, asked: {text: asText(), kind: "Talk"}, heard}, sound);
    },

    save: () => saveText(asText(), FILE),
    silence: () => playing.pause(),

    clear() {
      playing.pause();
      turns = [];
      id = newId();
      isKept = false;
    },
  };
}
