// The sound of a job as people meet it: heard while it is made (stream.js), then from its file; a wave that seeks, the
// time, the words in step, what can be downloaded. It knows no queue and no Gradio.
import {sleep} from '../shell/elements.js';
import {clock, fill, roughly, say} from '../shell/phrases.js';
import {answerOf, url} from '../shell/server.js';
import {alone, audioContext, setVolume} from './audio_output.js';
import {captionsIn} from './captions.js';
import {foot as footOf} from './player_foot.js';
import {listen} from './stream.js';
import {drawWave} from './wave.js';

const STEPS = {ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 5, PageDown: -5};  // seconds
const WRITE_EVERY_MS = 250;
const PAINT_EVERY_MS = 40;  // while there is sound: more frames look no different, and cost the visitor's machine as much again
const NO_PLACE_S = 0.1;
const LINGERS_S = 0.3;  // how long a word stays marked in a pause behind it
const ORDER_MS = 12000;  // for the server to put in order what was spoken before a Stop
const SMALL_UP_TO_S = 60;  // so long a sound is played from a small file, made at once; a longer one takes a while to make
const FILE_STARTS_IN_S = 0.06;  // what an audio element takes from play() to its first sound

// `report` is called when there is something to tell that isn't the server's: 'changed', or 'gone'.
export function player(root, {rate, text: field}, report) {
  const find = (selector) => root.querySelector(selector);
  const [audio, play, seek, box, canvas] = ['audio', '.play', '.seek', '.words', '.wave'].map(find);
  const text = captionsIn(box), foot = footOf(root);
  const unknown = {total: null, left: () => null};
  const empty = {total: 0, peaks: [], captions: [], notes: []};
  let sound = empty, asked = '', live = null, token = '', outlook = unknown, isWhole = false, isBlocked = false, turn = 0;
  let pressedAt = 0, waited = null, result = null, wasAsked = false;  // `waited` ms from the press to the first sound
  let writtenAt = 0, following = 0;

  const small = audio.canPlayType('audio/ogg; codecs=opus') ? 'opus' : 'mp3';
  // The sound of this player while it is live.
  const whileLive = {get paused() { return !isPlaying(); }, pause: () => { if (isPlaying()) toggle(); }};
  const heardOf = (event) => new Promise((wake) => audio.addEventListener(event, wake, {once: true}));
  const now = () => Math.min(live ? live.position() : audio.currentTime, Math.max(sound.total, live?.received ?? 0));
  const isPlaying = () => live ? live.received > 0 && !live.isPaused && !live.isBlocked : !audio.paused;

  function write() {
    writtenAt = performance.now();
    text.write(sound.notes, sound.captions);
  }

  function mark() {
    const at = now(), started = at > 0 || (live ? live.isHeard : !audio.paused);
    const current = started ? sound.captions.findLastIndex(([start]) => start <= at + 0.05) : -1;
    const timed = sound.captions[current]?.[3] ?? [], word = timed.findLastIndex(([start]) => start <= at + 0.05);
    const isHeard = word >= 0 && at < timed[word][1] + LINGERS_S;
    const reached = live && !isWhole ? sound.captions.filter(([start]) => start < live.received).length : text.count;
    text.mark(current, reached, timed, isHeard ? word : -1);
  }

  const draw = () => drawWave(canvas, sound, now());

  function paint() {
    const at = now(), playing = isPlaying(), label = playing ? "Pause" : "Play";
    const isAtEnd = isWhole && at > sound.total - NO_PLACE_S;
    const total = isWhole || !live ? clock(Math.round(sound.total)) : `≈ ${say(roughly(sound.total))}`;
    const times = {now: isAtEnd ? total : clock(at), total};
    seek.max = sound.total || 1;
    seek.value = at;
    const time = find('.time'), told = `${times.now} / ${times.total}`, position = fill("{now} of {total}", times);
    if (time.textContent !== told) time.textContent = told;  // or the page is laid out anew for each frame
    if (seek.getAttribute('aria-valuetext') !== position) seek.setAttribute('aria-valuetext', position);
    if (play.getAttribute('aria-label') !== label) play.setAttribute('aria-label', label);
    root.classList.toggle('playing', playing);
    mark();
    draw();
  }

  // While there is sound, and while more of it comes.
  function follow() {
    clearTimeout(following);
    if (live) followLive();
    paint();
    const goesOn = (live && !(live.isOver && !live.isHeard)) || !audio.paused;
    if (goesOn) following = setTimeout(requestAnimationFrame, waited === null ? 0 : PAINT_EVERY_MS, follow);
  }

  function followLive() {
    if (!isWhole) sound.total = Math.max(outlook.total ?? 0, live.received);
    if (performance.now() - writtenAt > WRITE_EVERY_MS) write();
    enable(live.received > 0, isWhole);
    if (live.hasBegun()) root.closest('.card').dataset.firstSound = Math.round(live.firstSound);
    if (live.isHeard) noteFirst();
    root.closest('.card').dataset.gaps = Math.round(live.gap);
    if (live.isBlocked !== isBlocked) setBlocked(live.isBlocked);
  }

  // How long it was from the press to the first sound.
  function noteFirst() {
    if (waited !== null || !pressedAt) return;
    waited = performance.now() - pressedAt;
    if (result) foot.tell(result, waited);
  }

  function enable(isPlayable, isSeekable) {
    play.disabled = !isPlayable;
    seek.disabled = !isSeekable;
    root.classList.toggle('audible', isPlayable);
    root.classList.toggle('filled', isSeekable);
  }

  function setBlocked(next) {
    isBlocked = next;
    report('changed');
  }

  async function begin() {
    wasAsked = true;
    try {
      await audio.play();
    } catch (error) {
      if (error.name === 'NotAllowedError') setBlocked(true);  // a browser that wants a click for every sound
    }
  }

  function toggle() {
    setBlocked(false);
    if (!live) return audio.paused ? begin() : audio.pause();
    if (isPlaying()) live.pause(); else {
      alone(whileLive);
      live.resume();
    }
    if (isWhole) toFile(live.position(), !live.isPaused);
    paint();
  }

  function seekTo(seconds, goesOn = isPlaying()) {
    const at = Math.min(sound.total, Math.max(0, seconds));
    if (live) toFile(at, goesOn); else audio.currentTime = at;
    if (goesOn && audio.paused) begin();
    paint();
  }

  // From the sound that was heard while it was made to the file, at this position.
  function toFile(at, goesOn) {
    live?.close();
    live = null;
    if (Math.abs(audio.currentTime - at) > 0.01) audio.currentTime = at;
    if (goesOn && at < sound.total - NO_PLACE_S) begin();
    paint();
  }

  // A small file that can't be had is made up for by the whole one.
  function failed() {
    if (!isWhole || !audio.getAttribute('src')) return;
    if (audio.src !== url(result.url)) {
      const at = audio.currentTime;
      audio.src = url(result.url);
      audio.currentTime = at;
      if (wasAsked) begin();
      return;
    }
    clear();
    report('gone');
  }

  // In the next silence, where nobody hears it; where there is none, what is there is heard to its end.
  async function handOver() {
    const mine = live;
    while (live === mine) {
      const at = mine.nextPause() ?? (mine.isOver ? mine.received : null);
      if (at === null) {
        await sleep(300);
        continue;
      }
      audio.currentTime = at;
      if (audio.seeking || audio.readyState < HTMLMediaElement.HAVE_FUTURE_DATA) {
        await Promise.race([heardOf('seeked'), heardOf('canplay'), sleep(3000)]);
      }
      if (live !== mine) return;
      if (mine.position() > at - NO_PLACE_S && at < mine.received) continue;
      await mine.playTo(at < mine.received ? at - FILE_STARTS_IN_S : at);
      if (live === mine) toFile(at, true);
    }
  }

  function load(path) {
    audio.preload = 'auto';  // so that it can be moved even when it was paused before it had come
    audio.src = url(sound.total <= SMALL_UP_TO_S && foot.hasWav ? `${path}.${small}` : path);
    foot.offer(path, asked || sound.captions.map((caption) => caption[2]).join(' '));
  }

  function clear() {
    turn += 1;
    live?.close();
    live = null;
    token = '';
    outlook = unknown;
    isWhole = isBlocked = false;
    sound = {...empty, captions: [], notes: []};
    asked = (field && document.querySelector(field)?.value) || '';
    audio.pause();
    audio.removeAttribute('src');
    enable(false, false);
    result = waited = null;
    wasAsked = false;
    foot.clear();
    delete root.closest('.card').dataset.firstSound;
    delete root.closest('.card').dataset.gaps;
    text.clear(asked);
    paint();
  }

  function show(next) {
    isWhole = true;
    result = next;
    sound = {...empty, ...result, isDrawn: true};
    write();
    load(result.url);
    enable(true, true);
    foot.tell(result, waited);
  }

  // What was spoken before a Stop, once the server has put it in order.
  async function keepStopped(stopped, path, mine) {
    stopped.pause();
    const at = stopped.position();
    const answer = await answerOf(`${path}.json`, {signal: AbortSignal.timeout(ORDER_MS)});
    const told = answer?.ok ? await answer.json().catch(() => null) : null;
    const kept = told && {...told, url: path};
    if (mine !== turn) return null;
    if (!kept) clear(); else {
      show(kept);
      toFile(at, false);
    }
    return kept;
  }

  play.addEventListener('click', toggle);
  seek.addEventListener('input', () => seekTo(+seek.value));
  seek.addEventListener('keydown', (event) => {
    if (!STEPS[event.key]) return;
    event.preventDefault();
    seekTo(now() + STEPS[event.key]);
  });
  box.addEventListener('click', ({target}) => {
    const caption = sound.captions[target.dataset?.index];
    if (isWhole && caption && getSelection().isCollapsed) seekTo(caption[0], true);
  });
  box.addEventListener('keydown', (event) => {
    const by = {ArrowRight: 1, ArrowLeft: -1}[event.key], caption = by && sound.captions[Math.max(0, text.marked + by)];
    if (!isWhole || !caption || event.target !== box) return;
    event.preventDefault();
    seekTo(caption[0]);
  });
  find('.pace').addEventListener('change', ({target}) => {
    audio.defaultPlaybackRate = audio.playbackRate = +target.value;
    if (live && isWhole) toFile(live.position(), isPlaying());
  });
  find('.volume').addEventListener('input', ({target}) => {
    audio.volume = +target.value;
    setVolume(+target.value);
  });
  audio.addEventListener('play', follow);
  audio.addEventListener('playing', noteFirst);
  for (const name of ['pause', 'ended', 'seeked', 'timeupdate']) audio.addEventListener(name, paint);
  audio.addEventListener('error', failed);
  new ResizeObserver(draw).observe(canvas);
  new MutationObserver(draw).observe(document.body, {attributes: true, attributeFilter: ['class']});

  return {
    clear,
    get isBlocked() { return isBlocked; },
    get wait() { return live?.wait ?? null; },
    get isLive() { return live !== null; },

    // In the click that asks for a sound: without one, browsers play none.
    prepare() {
      pressedAt = performance.now();
      audioContext(rate);
    },

    // While it is spoken: begins to listen, and is told how the work goes on.
    hear(value) {
      const told = performance.now();
      const left = () => value.left == null ? null : Math.max(0, value.left - (performance.now() - told) / 1000);
      outlook = {total: value.total, left};
      if (!value.sound || value.sound === token) return;
      token = value.sound;
      live = listen(url(`live/${token}`), () => ({total: outlook.total, left: outlook.left()}));
      sound = {...empty, captions: live.captions, peaks: live.peaks};
      alone(whileLive);
      follow();
    },

    // When it is finished.
    finish(next) {
      show(next);
      if (live?.isHeard && !live.isPaused && !live.isBlocked) return handOver();
      toFile(live ? live.position() : 0, !live?.isPaused);
    },

    // A recording: it waits for its Play.
    offer(next) {
      pressedAt = 0;
      show(next);
      paint();
    },

    // Starts it, in or soon after a click.
    play: begin,

    // Ends it and keeps what there is: that result, or null where nothing was spoken yet.
    async stop() {
      if (!live) return null;
      turn += 1;
      return keepStopped(live, `speech/${token}`, turn);
    },
  };
}
