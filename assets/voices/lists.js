// The list of one's own voices, which are heard, exported, imported and deleted.
import {button, made, save} from '../shell/elements.js';
import {duration, fill, say as translated} from '../shell/phrases.js';
import {follow, hear, hush, isNamed, NAME_TAKEN, orSay, own, playButton, reload, sayIn} from './own_voices.js';
import {read, written} from './voices_file.js';

export function ownList(element, watch) {
  const find = (selector) => element.querySelector(selector);
  const list = find('ul'), file = find('input'), undo = find('.undo'), say = sayIn(find('.say'));
  let removed = null;

  function rowOf(voice) {
    const about = [translated(duration(voice.seconds)), voice.text].filter(Boolean).join(' · ');
    const what = [made('b', {textContent: voice.name}), made('span', {textContent: about})];
    return made('li', {className: 'voice'}, made('div', {className: 'what', translate: false}, ...what),
      playButton("Play", fill("Play {name}", voice), voice.name, (from) => hear(from, voice, say)),
      button('delete', "Delete", fill("Delete {name}", voice), (from) => remove(from, voice)));
  }

  async function remove(from, voice) {
    from.disabled = true;
    await orSay(say, async () => {
      removed = {...voice, audio: await own.shelf.recording(voice)};
      await own.shelf.remove(voice);
      undo.hidden = false;
      say(fill("{name} is deleted.", voice));
    });
    hush();
    await reload();
    if (!undo.hidden) undo.focus();  // what had it is no longer there
  }

  async function bringBack() {
    if (isNamed(removed.name)) return say(NAME_TAKEN, true);
    await orSay(say, async () => {
      await own.shelf.add(removed);
      undo.hidden = true;
      say('');
    });
    await reload();
    if (undo.hidden) find('.import').focus();
  }

  const exportAll = async () => save(await written(own.voices, own.shelf.recording), 'voxdemo-voices.json');

  async function load() {
    const [chosenFile] = file.files;
    if (!chosenFile) return;
    say("Importing");
    await orSay(say, async () => {
      const {voices, known} = await read(chosenFile, own.voices, own.limits);
      for (const voice of voices) await own.shelf.add(voice);
      const told = [["Imported: {names}.", voices.map(({name}) => name)], ["Saved already: {names}.", known]].filter(([, names]) => names.length);
      say(told.map(([phrase, names]) => fill(phrase, {names: names.join(', ')})).join(' '));
    });
    file.value = '';
    reload();
  }

  function paint() {
    hush();
    list.replaceChildren(...own.voices.map(rowOf));
    find('.none').textContent = own.trouble || (own.voices.length ? '' : "No saved voices yet.");
    find('.export').disabled = !own.voices.length;
  }

  find('.export').addEventListener('click', () => orSay(say, exportAll));
  find('.import').addEventListener('click', () => file.click());
  undo.addEventListener('click', bringBack);
  file.addEventListener('change', load);
  follow(paint, watch);
}
