// Gradio's fields for recordings: which files they take, and in a sentence why there is no microphone.
import {state} from './state.js';

// The field of a recording, and the card that speaks of its microphone.
const CARDS = {'vx-recording': 'vx-heard', 'vx-prompt': 'vx-reading', 'vx-new-prompt': 'vx-new-reading'};
const FIELDS = Object.keys(CARDS).map((id) => `#${id}`).join();

// Which files may be recordings: what the browser says of them, else their name, else how they begin. The server looks at
// all of it; this is so that a letter doesn't take a recording's place.
const TYPES = /^(audio|video)\/|^application\/(ogg|mp4|mxf|vnd\.rn-realmedia)/;
const NAMES = /\.(wav|wave|mp3|mp2|mpga|flac|og[agvx]|opus|spx|m4[abv]|aac|webm|mp4|mov|mk[av]|avi|ts|mts|flv|3g[p2]|wm[av]|asf|aif[fc]?|caf|au|snd|amr|ac3|w64|wv)$/i;
const BEGINNINGS = /^(RIFF|RF64|OggS|fLaC|ID3|FORM|caff|\.snd|#!AMR|wvpk|FLV|\x1a\x45\xdf\xa3|\x30\x26\xb2\x75|\xff[\xe2-\xfb]|[^]{4}ftyp|\x47[^]{187}\x47)/;
const IS_ELSE = /^(text|image|font)\//;

export async function isSound(file) {
  if (IS_ELSE.test(file.type)) return false;
  if (TYPES.test(file.type) || NAMES.test(file.name)) return true;
  return BEGINNINGS.test(String.fromCharCode(...new Uint8Array(await file.slice(0, 192).arrayBuffer())));
}

export const isRecording = (field) => Boolean(field.querySelector('.stop-button')?.offsetParent);

// By themselves the fields offer, and take, only what the browser calls audio. A video has sound, too, and many a
// recording comes without a type.
const OFFERED = 'audio/*,video/*,application/ogg,.mkv,.mka,.opus,.amr,.caf';
const input = ({target}) => target.matches?.('input[type=file]') && target.closest(FIELDS) ? target : null;

window.addEventListener('click', (event) => { const field = input(event); if (field) field.accept = OFFERED; }, true);
window.addEventListener('change', (event) => {
  const field = input(event);
  if (!field || [...field.files].every(({type}) => type.startsWith('audio/'))) return;
  const files = new DataTransfer();
  for (const file of field.files) files.items.add(new File([file], file.name, {type: 'audio/*'}));
  field.files = files.files;
}, true);

const BLOCKED = "The microphone is blocked. Allow it for this site in your browser, and for the browser in your system.";
const WHY = {
  NotAllowedError: BLOCKED,
  SecurityError: BLOCKED,
  NotFoundError: "No microphone found. Connect one, then try again.",
  NotReadableError: "The microphone can't be opened. Close what else uses it, or connect it again.",
  OverconstrainedError: "This microphone can't be used here. Choose or connect another one.",
};

// Why there is no microphone, in a sentence: by what `getUserMedia` throws.
export function noMicrophone({name} = {}) {
  if (!navigator.mediaDevices) return "The microphone works only over https. Open the page at its https address.";
  return WHY[name] ?? "The browser didn't open the microphone. Try again, or load the page again.";
}

// Recording itself is Gradio's.
let asked = null;  // the field that was pressed last
const say = (sentence) => state.cards[CARDS[asked?.id]]?.tell(sentence);

for (const event of ['pointerdown', 'keydown']) {
  window.addEventListener(event, ({target}) => {
    asked = target.closest?.(FIELDS) ?? asked;
    if (asked?.contains(target) && !navigator.mediaDevices && target.closest('[aria-label="Record audio"]')) {
      say(noMicrophone());
    }
  }, true);
}
export const lend = navigator.mediaDevices?.getUserMedia.bind(navigator.mediaDevices);
if (lend) {
  navigator.mediaDevices.getUserMedia = (wanted) => lend(wanted).catch((error) => {
    say(noMicrophone(error));
    throw error;
  });
}
