// The sound of an answer, sentence by sentence and gapless, while it still comes; it knows what has been heard of it.
import {alone, audioContext, output} from '../job/audio_output.js';
import {joined} from '../job/samples.js';

const RATE = 24000;  // Hz, of what /v1/talk sends
const LEAD_S = 0.08;  // between the coming of a piece and its start: what the next one may be late by

const decoded = (base64) => new Int16Array(Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)).buffer);
const wordsOf = (text) => text.split(/(?<=\s)/);

// `change` is called when a sentence begins or ends to be heard, and when all is silent; `lose` when another sound of the page
// starts.
export function spoken(change, lose) {
  const place = {pause: lose};
  // Of sentences {text, from, to, starts} by the clock of `context`, and when their words start; and all samples.
  const context = audioContext(RATE), sentences = [], nodes = new Set(), parts = [];
  let next = 0, isPaused = false, isWhole = false, isClosed = false, first = null;

  const now = () => context.currentTime;
  const begun = () => sentences.filter(({from}) => from !== null && from <= now());

  // How many words of a sentence have been heard: by their times where they are known.
  function count({text, from, to, starts}) {
    const all = wordsOf(text).length, heard = now() - from;
    if (starts.length === all && heard < to - from) return starts.filter((start) => start <= heard).length;
    return Math.round((to > from ? Math.min(1, heard / (to - from)) : 0) * all);
  }

  return {
    pause() {
      isPaused = true;
      context.suspend();
    },

    resume() {
      if (isClosed) return;
      isPaused = false;
      alone(place);
      context.resume();
    },

    sentence(text) {
      sentences.push({text, from: null, to: null, starts: []});
    },

    caption(segments) {
      sentences.at(-1).starts.push(...segments.flatMap(({words}) => words.map(({start}) => start)));
    },

    add(base64) {
      const samples = decoded(base64), last = sentences.at(-1);
      if (isClosed || !samples.length) return;
      if (first === null) {
        alone(place);
        first = performance.now() + 1000 * LEAD_S;
      }
      const buffer = context.createBuffer(1, samples.length, RATE), node = context.createBufferSource();
      parts.push(samples);
      buffer.copyToChannel(Float32Array.from(samples, (sample) => sample / 32768), 0);
      node.buffer = buffer;
      node.connect(output(context));
      next = Math.max(next, now() + LEAD_S);
      last.from ??= next;
      node.start(next);
      next += samples.length / RATE;
      last.to = next;
      nodes.add(node);
      node.onended = () => {
        nodes.delete(node);
        change();
      };
      setTimeout(change, 1000 * (last.from - now()));
    },

    // No more comes.
    end() {
      isWhole = true;
      change();
    },

    close() {
      if (isClosed) return;
      isClosed = true;
      for (const node of nodes) {
        node.onended = null;
        node.stop();
      }
      nodes.clear();
      if (isPaused) context.resume();  // for what is heard next
    },

    get firstAt() { return first; },
    get isOver() { return isWhole && !nodes.size; },
    get isHeard() { return nodes.size > 0 && !isPaused; },

    // How many sentences have begun to be heard, and how many letters of the last of these.
    get begun() {
      const last = begun().at(-1);
      return [begun().length, last ? wordsOf(last.text).slice(0, count(last)).join('').trimEnd().length : 0];
    },

    // What has been heard, to the word.
    get heard() {
      return begun().map((each) => wordsOf(each.text).slice(0, count(each)).join('').trim()).filter(Boolean).join(' ');
    },

    // Samples of what has been heard, or of all.
    samples(isAll) {
      const heard = Math.max(0, now() - (sentences[0]?.from ?? now()));
      return joined(parts).subarray(0, isAll ? Infinity : Math.round(heard * RATE));
    },
  };
}
