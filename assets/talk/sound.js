// The sound of an answer, sentence by sentence and gapless, while it still comes; it knows what has been heard of it.
import {alone, audioContext, output} from '../job/audio_output.js';

const RATE = 24000;  // Hz, of what /v1/talk sends
const LEAD_S = 0.08;  // between the coming of a piece and its start: what the next one may be late by

function decoded(base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  return Float32Array.from(new Int16Array(bytes.buffer), (sample) => sample / 32768);
}

// `change` is called when a sentence begins or ends to be heard, and when all is silent; `lose` when another sound of the page
// starts.
export function spoken(change, lose) {
  const place = {pause: lose};
  const context = audioContext(RATE), sentences = [], nodes = new Set();  // sentences: {text, from, to}, by the clock of `context`
  let next = 0, isPaused = false, isWhole = false, isClosed = false, first = null;

  const now = () => context.currentTime;
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
      sentences.push({text, from: null, to: null});
    },

    add(base64) {
      const samples = decoded(base64), last = sentences.at(-1);
      if (isClosed || !samples.length) return;
      if (first === null) {
        alone(place);
        first = performance.now() + 1000 * LEAD_S;
      }
      const buffer = context.createBuffer(1, samples.length, RATE), node = context.createBufferSource();
      buffer.copyToChannel(samples, 0);
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

    // How many sentences have begun to be heard.
    get begun() { return sentences.filter(({from}) => from !== null && from <= now()).length; },

    // What has been heard, to the word.
    get heard() {
      const parts = sentences.filter(({from}) => from !== null && from < now()).map(({text, from, to}) => {
        const words = text.split(/(?<=\s)/), share = to > from ? Math.min(1, (now() - from) / (to - from)) : 0;
        return words.slice(0, Math.round(share * words.length)).join('').trim();
      });
      return parts.filter(Boolean).join(' ');
    },
  };
}
