// Sound while it is still being made: reads a job's stream, plays the pieces one exactly behind the other, and starts
// as soon as it can play through. It knows samples and a clock, nothing of what people see.
import {sleep} from '../shell/elements.js';
import {checkServer} from '../shell/server.js';
import {audioContext, output} from './audio_output.js';

const AHEAD_S = 30;  // is read before what is heard, so that memory doesn't grow with the length of the sound
const LEAD_S = 0.12;  // between the coming of a piece and its start: what the network may be late by
const SAFETY = 0.95;  // of the time that there is, for the work to be over in
const BARS_PER_S = 10, FULL_BAR_RMS = 0.12;  // as the server draws the finished wave
const HOP_S = 0.02, PAUSE_HOPS = 8, QUIET = 0.01, SOON_S = 0.4;

// `outlook()` tells the seconds of work that are left and the length of the whole sound, as far as they are known. All
// positions are seconds of the sound.
export function listen(address, outlook) {
  const leaving = new AbortController();
  const captions = [], peaks = [];
  let context = null, rate = 0;
  let waiting = [], playing = [];  // pieces before and after they are given to the context; positions in samples
  let received = 0, heard = 0, next = 0;  // in samples: of the sound, of the sound, of the context's clock
  let buffering = true, shortages = 0, gap = 0, first = null, silent = 0;
  let came = 0, lastCame = 0, firstLength = 0, throttled = false;  // when sound came, and how much with the first
  let paused = false, over = false, closed = false, ending = false, ticking = 0;
  let whenSilent = () => {};
  let loudness = 0, counted = 0;

  const clock = () => context.currentTime * rate;
  const hasBegun = () => first !== null;

  function position() {
    if (!hasBegun()) return 0;
    const at = clock(), current = playing.findLast((piece) => piece.at <= at);
    return (current ? current.start + Math.min(at - current.at, current.length) : heard) / rate;
  }

  // Seconds until what there is will play through: the rest of the work has to be over before the rest of the sound.
  function untilItPlaysThrough() {
    const {left, total} = outlook();
    if (over || total == null) return 0;
    const byPace = pace() * (total - received / rate) - (performance.now() - lastCame) / 1000;
    return Math.max(left ?? 0, byPace) - SAFETY * (total - position());
  }

  // Seconds of work for a second of sound, as seen from here; 0 while there is nothing to tell it by.
  function pace() {
    const sounded = (received - firstLength) / rate;
    return sounded > 0 && !throttled ? (lastCame - came) / 1000 / sounded : 0;
  }

  function mayStart() {
    if (!waiting.length) return false;
    const buffered = (received - waiting[0].start) / rate;
    return over || (buffered >= Math.min(4, 0.25 * (2 ** shortages - 1)) && untilItPlaysThrough() <= 0);
  }

  function fill() {
    if (closed || ending || !rate) return;
    if (!buffering && !over && clock() >= next) {
      buffering = true;
      shortages += 1;
    }
    if (!buffering || mayStart()) waiting.splice(0).forEach(schedule);
  }

  function schedule(piece) {
    if (buffering) {
      const at = Math.ceil(clock() + LEAD_S * rate);
      if (hasBegun()) gap = Math.max(gap, (at - next) / rate * 1000);
      else first = performance.now() - came + (at - clock()) / rate * 1000;
      next = at;
      buffering = false;
    }
    const node = context.createBufferSource(), buffer = context.createBuffer(1, piece.length, rate);
    buffer.copyToChannel(piece.samples, 0);
    node.buffer = buffer;
    node.connect(output(context));
    Object.assign(piece, {node, at: next});
    node.start(next / rate);
    node.onended = () => forget(piece);
    playing.push(piece);
    next += piece.length;
  }

  function forget(piece) {
    playing = playing.filter((other) => other !== piece);
    heard = Math.max(heard, piece.start + piece.length);
    if (!playing.length) whenSilent();
  }

  // Nothing from this position on is heard of what has come so far.
  function cutFrom(end) {
    waiting = waiting.filter((piece) => piece.start < end);
    for (const piece of [...waiting, ...playing]) {
      if (piece.start + piece.length <= end) continue;
      piece.length = Math.max(0, end - piece.start);
      piece.samples = piece.samples.subarray(0, piece.length);
      piece.node?.stop(Math.max(0, piece.at + piece.length) / rate);
    }
    for (const piece of playing.filter(({length}) => !length)) {
      piece.node.onended = null;
      playing = playing.filter((other) => other !== piece);
      next = Math.min(next, piece.at);
    }
    const last = playing.at(-1);
    if (last) next = last.at + last.length;
  }

  function retake(seconds) {
    const start = Math.round(seconds * rate);
    if (start >= received) return;
    cutFrom(start);
    received = start;
    heard = Math.min(heard, start);
    next = Math.max(next, clock());
    peaks.length = Math.min(peaks.length, Math.floor(seconds * BARS_PER_S));
    loudness = counted = 0;
    const kept = captions.findIndex(([from]) => from >= seconds - 0.01);
    if (kept >= 0) captions.length = kept;
  }

  function add(integers) {
    const samples = new Float32Array(integers.length);
    for (let index = 0; index < samples.length; index++) samples[index] = integers[index] / 32768;
    measure(samples);
    lastCame = performance.now();
    if (!came) [came, firstLength] = [lastCame, samples.length];
    if (!closed) waiting.push({samples, start: received, length: samples.length});
    received += samples.length;
    fill();
  }

  function measure(samples) {
    const length = rate / BARS_PER_S;
    for (const sample of samples) {
      loudness += sample * sample;
      if (++counted < length) continue;
      peaks.push(Math.round(100 * Math.min(1, Math.sqrt(loudness / counted) / FULL_BAR_RMS)));
      loudness = counted = 0;
    }
  }

  function take(frame) {
    if (frame.rate) {
      rate = frame.rate;
      context = audioContext(rate);
    }
    if (frame.sound) add(frame.sound);
    if (frame.captions) captions.splice(frame.from, captions.length, ...frame.captions);
    if ('retake' in frame) retake(frame.retake);
  }

  async function roomForMore() {
    while (!closed && rate && received / rate - position() > AHEAD_S) {
      throttled = true;
      await sleep(200);
    }
  }

  async function read() {
    try {
      const answer = await fetch(address, {cache: 'no-store', signal: leaving.signal});
      if (answer.status !== 200) return;  // 204: it is over, and there is its file
      for await (const frame of frames(answer.body)) {
        take(frame);
        await roomForMore();
      }
    } catch {  // the sound goes on from the file, as soon as there is one
      if (!leaving.signal.aborted) checkServer();
    } finally {
      over = true;
      fill();
    }
  }

  function tick() {
    fill();
    silent = hasBegun() && !paused && context.state !== 'running' ? silent + 1 : 0;
  }

  function close() {
    closed = true;
    clearInterval(ticking);
    for (const {node} of playing) {
      node.onended = null;
      node.stop();
    }
    waiting = [];
    playing = [];
    context?.suspend();
    whenSilent();
  }

  ticking = setInterval(tick, 100);
  read();

  return {
    captions, peaks, position, hasBegun,
    get received() { return rate ? received / rate : 0; },
    get firstSound() { return first; },
    get gap() { return gap; },
    get isPaused() { return paused; },
    get isOver() { return over; },
    get isHeard() { return hasBegun() && !buffering && playing.length > 0; },
    get isBlocked() { return silent > 3; },  // a context takes a moment to start
    // Seconds until there is sound, where it waits for more of it; null where it plays or hasn't got any yet.
    get wait() { return buffering && !over && received ? Math.max(0.5, untilItPlaysThrough()) : null; },

    pause() { paused = true; context?.suspend(); },
    resume() { paused = false; silent = 0; context?.resume(); },
    close() { leaving.abort(); close(); },

    // The middle of the next silence among what is about to be heard.
    nextPause() {
      const hop = Math.round(HOP_S * rate), earliest = clock() + SOON_S * rate;
      let quiet = 0;
      for (const piece of playing) {
        for (let from = 0; from + hop <= piece.length; from += hop) {
          if (piece.at + from < earliest) continue;
          const isQuiet = piece.samples.subarray(from, from + hop).every((sample) => Math.abs(sample) < QUIET);
          quiet = isQuiet ? quiet + 1 : 0;
          if (quiet === PAUSE_HOPS) return (piece.start + from + hop - hop * PAUSE_HOPS / 2) / rate;
        }
      }
      return null;
    },

    // Resolves when everything up to there has been heard, and nothing behind it.
    playTo(end) {
      ending = true;
      leaving.abort();
      cutFrom(Math.round(end * rate));
      return new Promise((resolve) => { whenSilent = resolve; if (!playing.length) resolve(); });
    },
  };
}

// The stream's frames as they come: {rate}, {captions, from}, {retake}, and {sound}, whose bytes follow their line and
// are handed on as far as they are there, in whole samples.
async function* frames(stream) {
  const NEWLINE = 10;
  const reader = stream.getReader(), decoder = new TextDecoder();
  let bytes = new Uint8Array(0), due = 0;

  function joined(head, tail) {
    if (!head.length) return tail;
    const all = new Uint8Array(head.length + tail.length);
    all.set(head);
    all.set(tail, head.length);
    return all;
  }

  function taken(count) {
    const head = bytes.slice(0, count);
    bytes = bytes.subarray(count);
    return head;
  }

  try {
    for (let {value, done} = await reader.read(); !done; {value, done} = await reader.read()) {
      bytes = joined(bytes, value);
      for (;;) {
        const ready = due ? Math.min(due, bytes.length) & ~1 : bytes.indexOf(NEWLINE) + 1;
        if (!ready) break;
        const head = taken(ready);
        if (due) {
          due -= ready;
          yield {sound: new Int16Array(head.buffer)};
        } else {
          const frame = JSON.parse(decoder.decode(head));
          if ('sound' in frame) due = frame.sound; else yield frame;
        }
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
