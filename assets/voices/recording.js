// A recording of a voice, looked at before it is kept: its length, its level, and its sound alone as a wav file.
import {integers, wav} from '../job/samples.js';
import {duration, fill} from '../shell/phrases.js';
import {refusal} from './shelf.js';

const RATE = 48000, FRAME_S = 0.05;
const SILENT_PEAK = 0.005, QUIET_RMS = 0.01, FULL = 0.995, CLIPPED_SHARE = 0.001;
const MOST_BYTES = 64e6;  // of a recording as somebody has it: 30 s are far less in any format
const NOT_SOUND = "This browser can't read that recording: choose a wav, mp3, flac, ogg or m4a file.";
export const ROUNDED_S = 0.05;
export const TOO_MANY = "No more than {most} voices can be saved: delete one first.";

async function samplesOf(blob) {
  if (blob.size > MOST_BYTES) throw refusal(NOT_SOUND);
  try {
    const sound = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(await blob.arrayBuffer());
    const channels = Array.from({length: sound.numberOfChannels}, (_, index) => sound.getChannelData(index));
    return channels.length === 1 ? channels[0]
      : channels[0].map((_, at) => channels.reduce((sum, channel) => sum + channel[at], 0) / channels.length);
  } catch {
    throw refusal(NOT_SOUND);
  }
}

// The loudness of the louder parts: pauses say nothing of how near somebody is to the microphone.
function levelOf(samples) {
  let peak = 0, full = 0;
  for (const sample of samples) {
    peak = Math.max(peak, Math.abs(sample));
    if (Math.abs(sample) >= FULL) full += 1;
  }
  if (peak < SILENT_PEAK) return 'silent';
  if (full > CLIPPED_SHARE * samples.length) return 'clipped';
  const length = Math.round(FRAME_S * RATE), frames = [];
  for (let at = 0; at + length <= samples.length; at += length) {
    frames.push(Math.sqrt(samples.subarray(at, at + length).reduce((sum, sample) => sum + sample * sample, 0) / length));
  }
  const loud = frames.sort((one, other) => other - one)[Math.floor(frames.length / 10)] ?? 0;
  return loud < QUIET_RMS ? 'quiet' : 'good';
}

// As it is kept, which leaves nothing of a file but its sound: {seconds, level, objection, wav()}.
export async function measured(blob, limits) {
  const samples = await samplesOf(blob), seconds = samples.length / RATE, level = levelOf(samples);
  const told = {...limits, seconds: duration(seconds)};
  const objection = seconds < limits.least_s - ROUNDED_S ? fill("This recording is {seconds} long; it must be {least_s} to {longest_s} s.", told)
    : seconds > limits.longest_s + ROUNDED_S ? fill("This recording is {seconds} long; cut it to {longest_s} s with the scissors.", told)
      : level === 'silent' ? "There is no sound in this recording: check the microphone, or choose another one." : '';
  return {seconds, level, objection, wav: () => wav([integers(samples)], RATE)};
}

export async function keepable(blob, limits) {
  const sound = await measured(blob, limits);
  if (sound.objection) throw refusal(sound.objection);
  return {audio: sound.wav(), seconds: sound.seconds};
}
