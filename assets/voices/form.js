// The form that keeps a voice: its recording, name and words, and that it may be used.
import {duration, fill} from '../shell/phrases.js';
import {url} from '../shell/server.js';
import {state} from '../shell/state.js';
import {isNamed, NAME_TAKEN, orSay, own, reload, sayIn} from './own_voices.js';
import {keepable, measured, TOO_MANY} from './recording.js';

const HEARD = {
  good: "{seconds}, the level is good.",
  quiet: "{seconds}, but quiet: closer to the microphone sounds better.",
  clipped: "{seconds}, but overdriven: further from the microphone sounds better.",
};
const forms = {};

export function form(element, {missing}, ask) {
  const id = element.closest('[id^=vx-]').id;
  const [name, consent, save, line, level] = ['.name input', '.consent input', '.save', '.say', '.level']
    .map((selector) => element.querySelector(selector));
  forms[id] = {name, consent, missing, isBusy: false, say: sayIn(line), tell: sayIn(level)};
  save.addEventListener('click', ask);
  for (const field of [name, consent]) field.addEventListener('input', () => forms[id].say(''));
  name.addEventListener('keydown', (event) => { if (event.key === 'Enter') ask(); });
}

const blobOf = async (file) => (await fetch(file.url ?? url(`gradio_api/file=${file.path}`))).blob();
const readingOf = (id) => state.cards[id.replace(/form$/, 'reading')];

// How long and how loud the recording is that somebody has put into the form's field.
export async function measure(id, file) {
  const one = forms[id];
  if (!one || one.measured === file?.path) return;
  one.measured = file?.path;
  one.tell('');
  if (!file) return readingOf(id)?.rest();  // what was read is gone, too
  one.say('');
  readingOf(id)?.forgive();
  await orSay(one.tell, async () => {
    const {seconds, level, objection} = await measured(await blobOf(file), own.limits);
    one.tell(objection || fill(HEARD[level], {seconds: duration(seconds)}), Boolean(objection));
  });
}

const nameIn = ({name}) => name.value.trim().replace(/\s+/g, ' ');

function lacking(one, file, text) {
  const name = nameIn(one), {limits} = own;
  if (!file) return [one.missing];
  if (!name) return ["Give the voice a name.", one.name];
  if (isNamed(name)) return [NAME_TAKEN, one.name];
  if (text.length > limits.text) return [fill("The transcript can have {text} characters at most. Shorten it.", limits)];
  if (!one.consent.checked) return ["Confirm that the voice is yours or that you have permission.", one.consent];
  return own.voices.length >= limits.most ? [fill(TOO_MANY, limits)] : null;
}

// Whether it is kept now; if not, the form says why.
export async function keep(id, file, written) {
  const one = forms[id], text = (written ?? '').trim(), missing = lacking(one, file, text);
  if (missing) {
    one.say(missing[0], true);
    missing[1]?.focus();
    return false;
  }
  if (one.isBusy) return false;
  one.isBusy = true;
  const name = nameIn(one);
  const isKept = await orSay(one.say, async () => {
    const sound = await keepable(await blobOf(file), own.limits);
    await own.shelf.add({name, text, consented: new Date().toISOString(), ...sound});
    one.name.value = '';
    one.consent.checked = false;
    one.say(fill("{name} is saved.", {name}));
    await reload();
    return true;
  });
  one.isBusy = false;
  return Boolean(isKept);
}
