// Samples of a sound as 16-bit integers, and as a wav file. All numbers of its head are little-endian, as those of all
// devices with a browser.
const RIFF = 0x46464952, WAVE = 0x45564157, FMT = 0x20746d66, DATA = 0x61746164;
const PCM_MONO = 0x10001, BYTES_AND_BITS = 0x100002;

export const integers = (samples) => Int16Array.from(samples, (sample) => Math.round(32767 * Math.max(-1, Math.min(1, sample))));

export function joined(parts) {
  const all = new Int16Array(parts.reduce((sum, {length}) => sum + length, 0));
  parts.reduce((at, part) => { all.set(part, at); return at + part.length; }, 0);
  return all;
}

// A wav file of these integers, one part behind the other.
export function wav(parts, rate) {
  const length = parts.reduce((sum, {byteLength}) => sum + byteLength, 0);
  const head = [RIFF, 36 + length, WAVE, FMT, 16, PCM_MONO, rate, 2 * rate, BYTES_AND_BITS, DATA, length];
  return new Blob([Uint32Array.from(head), ...parts], {type: 'audio/wav'});
}
