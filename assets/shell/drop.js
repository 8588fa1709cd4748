// A file may be dropped anywhere on the page: a recording goes to the field of the tab that is shown, a text to the text or
// to the lines. What has no place there is told so.
import {say} from './phrases.js';
import {isSound, isRecording} from './recording_fields.js';
import {state, takes} from './state.js';
import {textOf} from './text_file.js';

const LONGEST_TEXT = 1 << 20;  // bytes
const MOST_FRAMES = 60;
const NOT_AUDIO_OR_TEXT = "That file isn't audio or text. Drop a wav, mp3 or m4a, or a txt.";
const CLOSED = "The file can't be dropped here now. Press Upload file and choose it.";
const CARDS = {'vx-prompt': 'vx-card', 'vx-recording': 'vx-heard', 'vx-new-prompt': 'vx-new-reading'};
const shown = (selector) => [...document.querySelectorAll(selector)].find((element) => element.offsetParent);
const isText = (file) => file.type.startsWith('text/') || /\.(txt|md)$/i.test(file.name);
const hasFiles = (event) => [...event.dataTransfer?.types ?? []].includes('Files');
let depth = 0;

function give(input, files) {
  const held = new DataTransfer();
  for (const file of files) held.items.add(file);
  input.files = held.files;
  input.dispatchEvent(new Event('change', {bubbles: true}));
}

async function read(file) {
  const field = document.querySelector('#vx-text textarea');
  const text = textOf(new Uint8Array(await file.slice(0, LONGEST_TEXT).arrayBuffer()));
  if (text === null) return state.cards['vx-card'].tell(NOT_AUDIO_OR_TEXT);
  field.value = text;
  field.dispatchEvent(new Event('input', {bubbles: true}));
  field.focus();
}

// Why the tab that is shown takes no such file.
async function objection(file, field, isSpeak) {
  if (!await isSound(file)) return isSpeak ? NOT_AUDIO_OR_TEXT : "That isn't an audio file. Drop a wav, mp3 or m4a.";
  if (isRecording(field)) return "The microphone is recording. Stop it, then drop the file again.";
  return isSpeak && !takes('kind') ? state.noCopies : '';
}

// The field's way in for files, which it has while it is empty and "Upload file" is chosen. What it holds goes only when
// the new one is about to come.
async function inputOf(field) {
  const press = (label) => field.querySelector(`[aria-label="${say(label)}"], [aria-label="${label}"]`)?.click();
  const input = () => field.querySelector('input[type=file]');
  if (!input()) press('Clear');
  for (let tries = 0; tries < MOST_FRAMES && !input(); tries++) {
    press('Upload file');
    await new Promise(requestAnimationFrame);
  }
  return input();
}

// What was there is replaced; on the Speak tab the voice is then the recording's.
export async function take(files) {
  if (shown('#vx-lines')) return give(document.querySelector('#vx-batch-file input[type=file]'), files);
  const [file] = files;
  const isSpeak = Boolean(shown('#vx-text'));
  if (isSpeak && isText(file)) return read(file);
  const field = isSpeak ? document.querySelector('#vx-prompt') : shown('#vx-recording, #vx-new-prompt');
  const why = await objection(file, field, isSpeak);
  if (why) return state.cards[CARDS[field.id]].tell(why);
  if (isSpeak) document.querySelector('#vx-kind label:last-of-type input').click();
  const input = await inputOf(field);
  if (input) give(input, [file]); else state.cards[CARDS[field.id]].tell(CLOSED);
}

const mark = (by) => {
  depth = Math.max(0, depth + by);
  document.body.classList.toggle('vx-dragged', depth > 0);
};
window.addEventListener('dragenter', (event) => { if (hasFiles(event)) mark(1); });
window.addEventListener('dragleave', (event) => { if (hasFiles(event)) mark(-1); });
window.addEventListener('dragover', (event) => { if (hasFiles(event)) event.preventDefault(); });  // or it would leave the page
window.addEventListener('drop', (event) => {
  mark(-depth);
  if (!hasFiles(event)) return;
  event.preventDefault();  // or the file would take the page's place
  if (!shown('#vx-text, #vx-recording, #vx-new-prompt, #vx-lines')) return;
  event.stopImmediatePropagation();
  take([...event.dataTransfer.files]);
}, true);
