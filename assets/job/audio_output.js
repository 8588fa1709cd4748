// Where the page's sound comes out: one at a time, through one audio context, at one loudness.

// Whichever sound starts pauses the one before. `audio` elements come here by themselves.
let sounding = null;
const play = HTMLMediaElement.prototype.play;

export function alone(sound) {
  if (sounding && sounding !== sound) sounding.pause();
  sounding = sound;
}

export const pauseSound = () => sounding?.pause();

// Whether a sound of the page is heard. An answer on Talk doesn't count: it has no `paused`, as one may speak over it.
export const isPlaying = () => sounding?.paused === false;

HTMLMediaElement.prototype.play = function begin(...how) {
  if (!this.muted) alone(this);
  return play.apply(this, how);
};

// The context runs at the sound's own rate, because pieces that are resampled one by one don't join; and it is first asked
// for in a click, because browsers allow no sound without one.
let context = null, asked;

export function audioContext(rate) {
  if (!context || (rate && asked !== rate)) {
    asked = rate;
    context?.close();
    try {
      context = new AudioContext(rate ? {sampleRate: rate} : {});
    } catch {
      context = new AudioContext();  // a browser that can't have it at this rate
    }
  }
  context.resume().catch(() => {});
  return context;
}

// How loud live sound is, 0 to 1; and where it goes to in its context.
let loudness = 1, gain = null;

export function setVolume(next) {
  loudness = next;
  if (gain) gain.gain.value = loudness;
}

export function output(within) {
  if (gain?.context !== within) {
    gain = new GainNode(within, {gain: loudness});
    gain.connect(within.destination);
  }
  return gain;
}
