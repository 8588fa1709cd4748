// The voice that is chosen on the Speak tab: the button that shows it, the sheet behind it, and what goes along with what is
// spoken. The sheet, the offer and the Voices tab choose by `choose`; History only sets which saved voice it is.
import {made} from '../shell/elements.js';
import {url} from '../shell/server.js';
import {state} from '../shell/state.js';
import {all, copies, isReady, languageName, named, offer, ownName, ready, used} from './catalogue.js';
import {begin, follow, hush, own, picked, reload, sayIn, sentenceOf} from './own_voices.js';
import {asksBy, forget, sampleButton} from './samples.js';
import {list} from './sheet.js';
import {refusal} from './shelf.js';

const now = {kind: '', voice: ''};  // as Gradio has it
const sheets = [];
let ways = {}, paintButton = () => {}, ask = {};

const isChosen = (one) => one.kind === now.kind && (one.own ? one.own.id === own.chosen : !isReady(one) || one.voice === now.voice);

// Has this voice speak, by its id or name; false for one that isn't here.
export function choose(id) {
  const one = named(id);
  if (!one) return false;
  used(one);
  if (one.own) own.chosen = one.own.id;
  now.kind = one.kind;
  now.voice = one.voice ?? now.voice;
  paintAll();
  ask.choose();
  return true;
}

// What `choose` has Gradio's fields hold.
export const chosen = () => [now.kind, now.voice];

// What Gradio's fields hold now: an example, a link or the History may have set them.
export function shown(kind, voice) {
  if (kind === now.kind && voice === now.voice) return;
  Object.assign(now, {kind, voice});
  paintAll();
}

// Its language as those call it who speak it, too.
const onButton = ({code, about: [first, ...rest]}) => [first, ownName(code) === languageName(code) ? '' : ownName(code), ...rest];

function paintAll() {
  paintButton();
  sheets.forEach((sheet) => sheet.paint());
}

export function picker(element, props, watch, triggers) {
  begin(props);
  const {words} = props, find = (selector) => element.querySelector(selector);
  let painted = '';
  const dialog = find('dialog'), change = find('.change'), tell = sayIn(find('.say'));
  ask = triggers;
  ways = props.kinds;
  Object.assign(now, {kind: ways.ready, voice: props.value.voice});
  asksBy(ask.sample);
  const sheet = list(find('.catalogue'), words, isChosen, (one) => {
    choose(one.id);
    dialog.close();
  });
  sheets.push(sheet);

  paintButton = () => {
    const one = all().find(isChosen);
    find('b').textContent = one?.title ?? words.noVoice;
    find('b').translate = !one?.voice && !one?.own;
    find('.about').replaceChildren(...(one ? onButton(one) : [words.gone]).filter(Boolean)
      .map((textContent) => made('span', {textContent, translate: textContent !== ownName(one?.code)})));
    change.querySelector('.more').hidden = change.disabled = all().length < 2;
    find('.play-one')?.remove();
    if (one?.voice || one?.own) find('.box').prepend(sampleButton(words, one, tell));
    tell(own.trouble);
  };

  // Only what is new: it stops a sample, and an open sheet begins at its top again.
  function paint() {
    const offered = JSON.stringify([props.value, own.voices, own.trouble, own.chosen]);
    if (offered === painted) return;
    painted = offered;
    state.taken = props.value.takes;
    offer(props.value, words, ways);
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
    if (detail.card !== 'vx-sample' || dialog.open) return;
    if (detail.isBusy) find('.about').replaceChildren(made('span', {textContent: detail.line})); else paintButton();
  });
  follow(paint, watch);
}

// The same list on the Voices tab, where one's own stand below it; the chosen voice goes to Speak.
export function voicesTab(element, {words}) {
  const sheet = list(element.querySelector('.catalogue'), words, isChosen, (one) => {
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
  if (!answer.ok) throw refusal(own.words.noServer);
  const [path] = await answer.json();
  return {path, orig_name: 'voice.wav', mime_type: 'audio/wav', meta: {_type: 'gradio.FileData'}};
}

// What Speak sends, with the recording and the words of the saved voice in place of those that were uploaded. Only here
// does a voice leave the browser.
export async function along(text, kind, voice, prompt, promptText, ...rest) {
  if (kind !== ways.saved) return [text, kind, voice, prompt, promptText, ...rest];
  const mine = picked();
  if (!mine || !copies()) return [text, kind, voice, null, '', ...rest];
  try {
    return [text, kind, voice, await uploaded(await own.shelf.recording(mine)), mine.text, ...rest];
  } catch (error) {
    const card = state.cards['vx-card'];
    if (error.wait) card.limit(error.wait, error.told); else card.deny(sentenceOf(error));
    reload();
    throw error;
  }
}
