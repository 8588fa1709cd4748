// When I am heard: while a button is held, or until it is no longer wished. The microphone is open then alone; meanwhile what
// was said before may still be read. It knows nothing of what is shown and answered.
import {isPlaying, pauseSound} from '../job/audio_output.js';
import {microphone} from '../live/microphone.js';
import {saying} from '../shell/phrases.js';
import {answerOf} from '../shell/server.js';
import {hearing} from './hearing.js';

export const LOST = "The connection to the server broke off. Try again.";
const REFUSED = "The server can't listen now. Try again in a moment, or type.";
const ENDS = {
  session_silent: "It stopped listening because nobody spoke for a while.",
  session_expired: "It stopped listening after half an hour. Talk to go on.",
};
const ECHO_MS = 300;  // that a sound of the page may still be heard after its end

// `isHere` tells whether somebody looks at it: nobody is heard elsewhere. `change` is called when its state is another one,
// `tell` with a sentence when it ends against one's will; `heard` is what `hearing` calls.
export function listening({isHere, change, tell, heard}) {
  const unread = new Set();  // of hearings, those whose last word hasn't come
  let how = '', mic = null, current = null, isAsking = false, stoppedAt = 0, deafUntil = 0;

  // What the page plays into the microphone is nobody's turn.
  function listened(samples) {
    if (isPlaying()) deafUntil = performance.now() + ECHO_MS;
    return performance.now() < deafUntil ? new Int16Array(samples.length) : samples;
  }

  async function start(next) {
    if (mic) stop();  // it listens in another way
    how = next;
    if (isAsking) return change();
    isAsking = true;
    pauseSound();
    change();
    try {
      let mine = null;
      mic = await microphone({hear: (samples) => mine.hear(listened(samples)), level: () => {}, end: () => stop("The microphone was disconnected.")});
      if (!how || !isHere()) return stop();
      mine = current = hearing(how === 'free', {...heard, end: (error) => over(mine, error)});
      unread.add(mine);
      mic.begin();  // what is said while it connects is heard, too
    } catch (error) {
      stop();
      tell(error.sentence ?? LOST);
    } finally {
      isAsking = false;
      change();
    }
  }

  function stop(why = '') {
    if (!how && !mic) return;
    const last = current;
    mic?.close().then(() => last?.stop());
    how = '';
    mic = current = null;
    stoppedAt = performance.now();
    if (why) tell(why);
    change();
  }

  async function over(mine, error) {
    unread.delete(mine);
    if (mine === current) stop();
    change();
    if (error) tell(ENDS[error.code] ?? (error.message ? saying(error) : await answerOf('health') ? REFUSED : LOST));
  }

  return {
    start,
    stop,
    get how() { return how; },  // 'held', 'free' or ''
    get state() { return isAsking ? 'asking' : mic ? how : unread.size ? 'reading' : 'off'; },
    get stoppedAt() { return stoppedAt; },
  };
}
