// The voices that are chosen on Speak, Batch and Talk, each by the id of its component: the button that shows one, the sheet
// behind it, and what goes along with what is spoken. The sheet, the offer and the Voices tab choose by `choose`; History only
// sets which saved voice it is.
import {made, spans} from '../shell/elements.js';
import {UNREACHED, url} from '../shell/server.js';
import {state} from '../shell/state.js';
import {all, atFirst, copies, isReady, kept, languageName, named, offer, ownName, ready, used} from './catalogue.js';
import {follow, hush, own, picked, reload, sayIn, sentenceOf, SPEAK} from './own_voices.js';
import {asksBy, forget, isWantedIn, sampleButton} from './samples.js';
import {list} from './sheet.js';
import {base64, refusal, VOICE_GONE} from './shelf.js';

const choices = {};  // {kind, voice, ask, paint} by where it is
const sheets = [];
let ways = {};

const isChosen = (where) => (one) => {
  const {kind, voice} = choices[where] ?? {};
  return one.kind === kind && (one.own ? one.own.id === own.chosen[where] : !isReady(one) || one.voice === voice);
};

// Has this voice speak, by its id or name; false for one that isn't here.
export function choose(id, where = SPEAK) {
  const one = named(id), choice = choices[where];
  if (!one) return false;
  used(one);
  if (one.own) own.chosen[where] = one.own.id;
  choice.kind = one.kind;
  choice.voice = one.voice ?? choice.voice;
  paintAll();
  choice.ask.select();
  return true;
}

// How it is chosen, and the name of a ready voice. Of a tab that isn't drawn yet, nulls.
export function chosen(where = SPEAK) {
  const {kind = null, voice = null} = choices[where] ?? {};
  return [kind, voice];
}

// What Gradio's fields on Speak hold now: an example, a link or the History may have set them.
export function shown(kind, voice) {
  const choice = choices[SPEAK];
  if (!choice || (kind === choice.kind && voice === choice.voice)) return;
  Object.assign(choice, {kind, voice});
  paintAll();
  choice.ask.select();
}

// Its language as those call it who speak it, too.
const onButton = ({code, about: [first, ...rest]}) => [first, ownName(code) === languageName(code) ? '' : ownName(code), ...rest];

function paintAll() {
  Object.values(choices).forEach((choice) => choice.paint());
  sheets.forEach((sheet) => sheet.paint());
}

// Has one speak that is there, where there are other voices than before.
function settle(choice) {
  const kind = copies() ? choice.kind : ways.ready, voice = kept(choice.voice);
  if (kind === choice.kind && voice === choice.voice) return;
  Object.assign(choice, {kind, voice});
  choice.ask.select();
}

export function picker(element, props, watch, ask) {
  const {where} = props, find = (selector) => element.querySelector(selector);
  let painted = '';
  const dialog = find('dialog'), change = find('.change'), tell = sayIn(find('.say'));
  const offered = () => all().filter(({kind}) => props.offers.includes(kind)), now = () => offered().find(isChosen(where));
  ways = props.kinds;
  if (ask.sample) asksBy(ask.sample);
  const sheet = list(find('.catalogue'), isChosen(where), (one) => {
    choose(one.id, where);
    dialog.close();
  }, offered);
  sheets.push({paint() { if (dialog.open) sheet.paint(); }});  // a closed one is painted when it is opened

  function paintAbout() {
    const one = now();
    const told = spans(one ? onButton(one) : [VOICE_GONE]);
    for (const each of told) each.translate = each.textContent !== ownName(one?.code);
    find('.about').replaceChildren(...told);
  }

  function paintButton() {
    const one = now();
    find('b').textContent = one?.title ?? "No voice";
    find('b').translate = !one?.voice && !one?.own;
    paintAbout();
    change.querySelector('.more').hidden = change.disabled = offered().length < 2;
    find('.play-one')?.remove();
    if (one?.voice || one?.own) find('.box').prepend(sampleButton(one, tell));
    tell(own.trouble);
  }

  // Only what is new: it stops a sample, and an open sheet begins at its top again.
  function paint() {
    const shows = JSON.stringify([props.value, own.voices, own.trouble, own.chosen]);
    if (shows === painted) return;
    painted = shows;
    if (where === SPEAK) {  // what is offered there is offered here
      state.taken = props.value.takes;
      offer(props.value, ways);
      Object.values(choices).forEach(settle);
    }
    forget();
    hush();
    paintAll();
  }

  change.addEventListener('click', () => {
    dialog.showModal();
    sheet.begin();
    if (matchMedia('(pointer: fine)').matches) sheet.search.focus();
  });
  find('.close').addEventListener('click', () => dialog.close());
  dialog.addEventListener('click', ({target}) => { if (target === dialog) dialog.close(); });
  dialog.addEventListener('close', () => {
    hush();
    if (state.cards['vx-sample']?.isBusy()) document.getElementById('vx-sample-cancel')?.click();  // nobody waits for it
  });
  // What a sample is at, while nothing but the button is seen.
  window.addEventListener('voxdemo-told', ({detail}) => {
    if (detail.card !== 'vx-sample' || dialog.open || !isWantedIn(element)) return;
    if (detail.isBusy) find('.about').replaceChildren(made('span', {textContent: detail.line})); else paintAbout();
  });
  choices[where] = {kind: ways.ready, voice: props.value.voice ?? atFirst(), ask, paint: paintButton};
  follow(paint, watch);
}

// The same list on the Voices tab, where one's own stand below it; the chosen voice goes to Speak.
export function voicesTab(element) {
  const sheet = list(element.querySelector('.catalogue'), isChosen(SPEAK), (one) => {
    choose(one.id);
    document.querySelector('#vx-tabs [role=tab]').click();
  }, ready);
  sheets.push(sheet);
  sheet.paint();
}

async function uploaded(blob) {
  const body = new FormData();
  body.append('files', blob, 'voice.wav');
  const answer = await fetch(url('gradio_api/upload'), {method: 'POST', body});
  const wait = Number(answer.headers.get('Retry-After'));
  if (answer.status === 429) throw Object.assign(refusal(await answer.text()), {wait, told: answer.error});
  if (!answer.ok) throw refusal(UNREACHED);
  const [path] = await answer.json();
  return {path, orig_name: 'voice.wav', mime_type: 'audio/wav', meta: {_type: 'gradio.FileData'}};
}

// What a program asks for that voice by, or {wrong}, a sentence. Only here and in `along` does a saved voice leave the browser.
export async function asked(where) {
  const {kind, voice} = choices[where];
  if (kind !== ways.saved) return voice ? {voice} : {};
  const mine = picked(where);
  if (!mine || !copies()) return {wrong: VOICE_GONE};
  try {
    return {prompt_audio: await base64(await own.shelf.recording(mine)), prompt_text: mine.text};
  } catch (error) {
    reload();
    return {wrong: sentenceOf(error)};
  }
}

const MOST_CALLED = 8;  // as the server takes them

// One's own voices that tags in a text call; where none can be copied, none.
const spelt = ({name, text}) => ({name, text});
const calledIn = (text) => copies() ? own.voices.filter(({name}) => text?.toLowerCase().includes(`[${name.toLowerCase()}]`)).slice(0, MOST_CALLED) : [];

// What is looked at while a text is written, with the names of those in the last place.
export const called = (text, ...rest) => [text, ...rest.slice(0, -1), calledIn(text).map(spelt)];

// What Speak sends, with the recording and the words of the saved voice in place of those that were uploaded, and, in the
// last place, of those that its tags call.
export async function along(text, kind, voice, prompt, promptText, ...rest) {
  const recorded = async (mine) => uploaded(await own.shelf.recording(mine));
  try {
    const others = [];
    for (const mine of calledIn(text)) others.push({...spelt(mine), recording: await recorded(mine)});
    rest.splice(-1, 1, others);
    if (kind !== ways.saved) return [text, kind, voice, prompt, promptText, ...rest];
    const mine = picked();
    if (!mine || !copies()) return [text, kind, voice, null, '', ...rest];
    return [text, kind, voice, await recorded(mine), mine.text, ...rest];
  } catch (error) {
    const card = state.cards['vx-card'];
    if (error.wait) card.limit(error.wait, error.told); else card.deny(sentenceOf(error));
    reload();
    throw error;
  }
}
