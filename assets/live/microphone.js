// The microphone as live recognition needs it: samples at 24 kHz while one speaks, and how loud they are. It keeps
// none of them, and knows no server.
import {integers} from '../job/samples.js';
import {sleep} from '../shell/elements.js';
import {lend, noMicrophone} from '../shell/recording_fields.js';

export const RATE = 24000;  // Hz, as `/v1/realtime` takes it
const CROSSINGS = 16;  // of the filter at either side: what it lets through of tones that the rate can't have is inaudible
const PHASES = 1000;  // places between two samples at which the filter is worked out
const LAST_MS = 500;  // that a browser may take to hand on the last of it
const LEVEL_EVERY_S = 0.1, FULL_RMS = 0.2;  // of speech close to the microphone
const WANTED = {audio: {channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true}};

// Band-limited, block by block: hands back a function from float samples at one rate to those at the other. Not left to
// the browser, as not every one takes a microphone into a context of another rate.
export function resampler(from, to) {
  const scale = Math.min(1, to / from), half = Math.ceil(CROSSINGS / scale), kernels = new Map();
  let held = new Float32Array(half), next = 0;

  function kernel(phase) {
    if (!kernels.has(phase)) {
      const taps = Float32Array.from({length: 2 * half + 1}, (_, tap) => {
        const at = tap - half - phase / PHASES, angle = Math.PI * scale * at;
        const window = Math.abs(at) < half ? 0.5 + 0.5 * Math.cos(Math.PI * at / half) : 0;
        return window * scale * (angle ? Math.sin(angle) / angle : 1);
      });
      kernels.set(phase, taps);
    }
    return kernels.get(phase);
  }

  return (samples) => {
    const all = new Float32Array(held.length + samples.length), made = [];
    all.set(held);
    all.set(samples, held.length);
    for (; Math.floor(next) + 2 * half + 1 < all.length; next += from / to) {
      const start = Math.floor(next), taps = kernel(Math.round((next - start) * PHASES));
      let sum = 0;
      for (let tap = 0; tap < taps.length; tap++) sum += taps[tap] * all[start + tap];
      made.push(sum);
    }
    held = all.slice(Math.floor(next));
    next -= Math.floor(next);
    return Float32Array.from(made);
  };
}

async function lent() {
  try {
    return await lend(WANTED);
  } catch (error) {
    throw Object.assign(new Error(), {sentence: noMicrophone(error)});
  }
}

// Opens the microphone; in a click, as browsers allow sound only there. From its `begin` on `hear` gets 16-bit samples, and
// `level` is called ten times a second; `end` is called if the microphone goes away. `close` is done when all is handed on that
// was heard before. Throws an error whose `sentence` says why there is none; without one, where the server doesn't send what
// it needs.
export async function microphone({hear, level, end}) {
  const context = new AudioContext(), levels = [];
  let stream = null, node = null, loudness = 0, counted = 0, heard = 0, closing = null, handedOn = () => {};

  async function release() {
    const isWhole = new Promise((resolve) => { handedOn = resolve; });
    node?.port.postMessage('all');
    if (node) await Promise.race([isWhole, sleep(LAST_MS)]);
    stream?.getTracks().forEach((track) => track.stop());
    await context.close();
  }

  const close = () => closing ??= release();

  function measure(samples) {
    for (const sample of samples) {
      loudness += sample * sample;
      if (++counted < LEVEL_EVERY_S * RATE) continue;
      levels.push(Math.min(1, Math.sqrt(loudness / counted) / FULL_RMS));
      loudness = counted = 0;
      level();
    }
  }

  function begin() {
    node = new AudioWorkletNode(context, 'voxdemo-hearing', {numberOfOutputs: 0, channelCount: 1, channelCountMode: 'explicit'});
    const resampled = resampler(context.sampleRate, RATE);
    node.port.onmessage = ({data}) => {
      if (context.state === 'closed') return;
      if (!data) return handedOn();
      const samples = resampled(data), part = integers(samples);
      heard += part.length;
      measure(samples);
      hear(part);
    };
    context.createMediaStreamSource(stream).connect(node);
  }

  try {
    context.resume().catch(() => {});
    stream = await lent();
    await context.audioWorklet.addModule(new URL('worklet.js', import.meta.url));
  } catch (error) {
    close();
    throw error;
  }

  stream.getAudioTracks()[0].addEventListener('ended', end);
  return {
    begin,
    close,
    levels,  // from 0 to 1
    get seconds() { return heard / RATE; },
  };
}
