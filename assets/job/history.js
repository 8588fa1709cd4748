// This browser's last results: what was asked for or, of a recording, its transcript, and where the audio is, while the
// server has it; and the History tab, which shows them, and beside them the one that is heard again. They are kept in
// localStorage, which all tabs of a browser share, and nowhere else.
import {button, copyButton, made, saveText, spans, sure} from '../shell/elements.js';
import {duration, fill, language} from '../shell/phrases.js';
import {answerOf, UNREACHED} from '../shell/server.js';
import {newId, state as page, takes} from '../shell/state.js';
import {toSpeak} from '../shell/tabs.js';
import {player as playerIn} from './player.js';

const KEY = 'voxdemo-history', MOST = 50;
const SHOWN = 90;  // characters of a text
const CHOOSE = "Choose a result to hear it again.";
const NONE = "Nothing yet. Your results will be listed here, in this browser only.";
const WHERE = "Your last 50 results, stored only in this browser. The audio lasts until the server deletes it.";
const UNKEPT = "This browser doesn't store data for this page, as in a private window. The list goes with it.";
const GONE = "The server no longer has this audio. Press Use again, then Speak.";
const GONE_LIVE = "This recording went with its page. Its transcript can still be copied.";
const GONE_RECORDING = "The server no longer has this recording. Its transcript can still be copied.";
const unsaved = [];  // where the browser keeps nothing
const sounds = new Map();  // what makes the sound of an entry that this page alone has, by its id
const isResult = (entry) => typeof entry?.id === 'string' && typeof entry.url === 'string' && typeof entry.asked?.text === 'string';
let lastAsked = null, isKept = true, paint = () => {}, used = (values) => values;

function list() {
  try {
    const read = JSON.parse(localStorage.getItem(KEY) ?? '[]');
    return Array.isArray(read) ? read.filter(isResult) : [];
  } catch (error) {
    if (error instanceof SyntaxError) return [];
    isKept = false;
    return unsaved;
  }
}

// What was there when it is called, not when the page was drawn: another tab may have changed it. Of too much for the
// browser the oldest go.
function change(how) {
  let entries = how(list()).sort((one, other) => other.at - one.at).slice(0, MOST);
  while (isKept) {
    try {
      localStorage.setItem(KEY, JSON.stringify(entries));
      break;
    } catch {
      isKept = entries.length > 1;
      if (isKept) entries = entries.slice(0, -1);
    }
  }
  if (!isKept) unsaved.splice(0, unsaved.length, ...entries);
  paint();
}

// Does what takes the place of the text on the Speak tab; where that is nowhere else, at a second press of this button.
export function replaceText(pressed, act) {
  const written = document.querySelector('#vx-text textarea').value.trim();
  if (!written || list().some(({asked}) => asked.text.trim() === written)) act(); else sure(pressed, act);
}

// The settings are those at the press of Speak, `saved` the id of the saved voice. A recording can't be kept.
export function press(values, saved) {
  const told = page.names.map((name, index) => [name, values[index]]).filter(([name]) => name !== 'prompt');
  lastAsked = {...Object.fromEntries(told), saved};
}

export const isKeptHere = (id) => list().some((entry) => entry.id === id);

// What is heard of an entry that no server has is made by `sound`, as long as this page is there.
export function keep(entry, sound = null) {
  if (sound) sounds.set(entry.id, sound);
  change((entries) => [entry, ...entries.filter(({id, url}) => id !== entry.id && url !== entry.url)]);
}

// The server has a summary of what it spoke, but none of a recording.
window.addEventListener('voxdemo-result', ({detail: {card, url, total, seed, text, captions, peaks}}) => {
  const told = card === 'vx-heard' ? {asked: {text}, heard: {captions, peaks}} : card === 'vx-card' && lastAsked ? {seed, asked: lastAsked} : null;
  if (!told) return;
  keep({id: newId(), at: Date.now(), url, total, ...told});
});
window.addEventListener('storage', ({key}) => { if (key === KEY || key === null) paint(); });

// The values of the Speak tab, with those of the entry that is used again.
export const usedAgain = (values) => used(values);

export function historyTab(element, {rate}, chooseVoice, fillIn) {
  const find = (selector) => element.querySelector(selector);
  const when = (at) => new Intl.DateTimeFormat(language, {dateStyle: 'medium', timeStyle: 'short'}).format(at);
  const player = playerIn(find('.player'), {rate, text: ''}, (what) => { if (what === 'gone') say('gone', GONE); });
  let chosen = '', wanted = null, removed = [], turn = 0, ownUrl = '';

  function say(state, sentence) {
    find('.replay').dataset.state = state;
    find('.replay .say').textContent = sentence;
  }

  function tell(sentence, entries = []) {
    removed = entries;
    find('.told span').textContent = sentence;
    find('.undo').hidden = !entries.length;
    if (entries.length) find('.undo').focus();
  }

  const title = (voice) => voice.split('_').pop().replace(/^./, (first) => first.toUpperCase());
  const voiceOf = ({kind = "Transcript", voice}) => kind === page.usual.kind && voice ? title(voice) : kind;

  function row(entry) {
    const {asked, total, at} = entry, first = asked.text.trim().replace(/\s+/g, ' ').slice(0, SHOWN);
    const pick = button('pick', '', fill("Hear again: {first}", {first}), () => replay(entry));
    pick.append(made('b', {textContent: first, translate: false}), ...spans([duration(total), voiceOf(asked)]),
      made('span', {textContent: when(at), translate: false}));
    pick.ariaPressed = entry.id === chosen;
    const use = entry.saveAs ? button('use', "Text", fill("Save as text: {first}", {first}), () => saveText(asked.text, entry.saveAs))
      : entry.heard ? copyButton('use', asked.text, fill("Copy transcript: {first}", {first}), tell)
      : button('use', "Use again", fill("Use text and settings again: {first}", {first}), (pressed) => replaceText(pressed, () => reuse(entry)));
    return made('li', {}, pick, use, button('remove', "Delete", fill("Delete: {first}", {first}), () => remove(entry)));
  }

  paint = () => {
    const entries = list();
    find('ol').replaceChildren(...entries.map(row));
    find('.clear').hidden = !entries.length;
    find('.where').textContent = !entries.length ? NONE : isKept ? WHERE : UNKEPT;
    if (chosen && !entries.some((entry) => entry.id === chosen)) forget();
  };

  function forget() {
    chosen = '';
    turn += 1;
    player.clear();
    say('idle', CHOOSE);
  }

  async function replay(entry) {
    const mine = turn += 1;
    chosen = entry.id;
    const ids = list().map(({id}) => id);
    element.querySelectorAll('.pick').forEach((pick, index) => { pick.ariaPressed = ids[index] === chosen; });
    player.clear();
    say('sent', "One moment …");
    const isHere = entry.url.startsWith('blob:'), sound = sounds.get(entry.id);  // it lasts as long as its page
    URL.revokeObjectURL(ownUrl);
    ownUrl = sound ? URL.createObjectURL(sound()) : '';
    const url = ownUrl || entry.url, answer = await answerOf(isHere ? url : `${entry.url}.${entry.heard ? 'srt' : 'json'}`);
    const result = !answer?.ok ? null : entry.heard ? {...entry.heard, total: entry.total} : await answer.json().catch(() => null);
    if (mine !== turn) return;
    if (!result) return say('gone', isHere ? GONE_LIVE : !answer ? UNREACHED : entry.heard ? GONE_RECORDING : GONE);
    player.offer({...result, url});
    const said = entry.heard ? "{total} of audio" : result.seed == null ? "{total} of speech" : "{total} of speech, seed {seed}";
    say('done', fill(said, {total: duration(result.total), seed: result.seed}));
    player.play();
  }

  function reuse({asked}) {
    wanted = asked;
    fillIn();
  }

  function remove(entry) {
    change((entries) => entries.filter(({id}) => id !== entry.id));
    tell("Deleted.", [entry]);
  }

  find('.clear').addEventListener('click', () => {
    const all = list();
    change(() => []);
    tell("All are deleted.", all);
  });
  find('.undo').addEventListener('click', () => {
    change((entries) => [...removed, ...entries]);
    tell('');
  });
  say('idle', CHOOSE);
  paint();

  // The Speak tab's values, with those that were asked for; its recording stays what it is now.
  used = (values) => {
    chooseVoice(wanted?.saved);
    setTimeout(toSpeak);
    return page.names.map((name, index) => wanted && name in wanted && takes(name) ? wanted[name] : values[index]);
  };
}
