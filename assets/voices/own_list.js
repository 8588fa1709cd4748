// One's own voices in a list: heard, exported, imported and deleted.
import {button, made, save} from '../shell/elements.js';
import {duration, fill} from '../shell/phrases.js';
import {say as translated} from '../shell/translate.js';
import {begin, follow, isNamed, own, reload, sayIn, sentenceOf} from './own_voices.js';
import {hear, hush, playButton} from './playing.js';
import {read, written} from './voices_file.js';

export function ownList(element, props, watch) {
  begin(props);
  const {words} = props, {shelf} = own;
  const find = (selector) => element.querySelector(selector);
  const list = find('ul'), file = find('input'), undo = find('.undo'), say = sayIn(find('.say'));
  let removed = null;

  function row(voice) {
    const item = made('li', {className: 'voice'}), what = item.appendChild(made('div', {className: 'what'}));
    what.translate = false;
    const about = [translated(duration(voice.seconds)), voice.text].filter(Boolean).join(' · ');
    what.append(made('b', {textContent: voice.name}), made('span', {textContent: about}));
    item.append(
      playButton(words.play, fill(words.playOf, voice), voice.name, (from) => hear(from, voice, say)),
      button('delete', words.remove, fill(words.removeOf, voice), (from) => remove(from, voice)),
    );
    return item;
  }

  async function remove(from, voice) {
    from.disabled = true;
    try {
      removed = {...voice, audio: await shelf.recording(voice)};
      await shelf.remove(voice);
      undo.hidden = false;
      say(fill(words.removed, voice));
    } catch (error) {
      say(sentenceOf(error), true);
    }
    hush();
    await reload();
    if (!undo.hidden) undo.focus();  // what had it is no longer there
  }

  async function bringBack() {
    if (isNamed(removed.name)) return say(words.nameTaken, true);
    try {
      await shelf.add(removed);
      undo.hidden = true;
      say('');
    } catch (error) {
      say(sentenceOf(error), true);
    }
    await reload();
    if (undo.hidden) find('.import').focus();
  }

  async function exportAll() {
    try {
      save(await written(own.voices, shelf.recording), 'voxdemo-voices.json');
    } catch (error) {
      say(sentenceOf(error), true);
    }
  }

  async function load() {
    const [chosenFile] = file.files;
    if (!chosenFile) return;
    say(words.importing);
    try {
      const {voices, known} = await read(chosenFile, own.voices, props);
      for (const voice of voices) await shelf.add(voice);
      const told = [[words.imported, voices.map(({name}) => name)], [words.known, known]].filter(([, names]) => names.length);
      say(told.map(([phrase, names]) => fill(phrase, {names: names.join(', ')})).join(' '));
    } catch (error) {
      say(sentenceOf(error), true);
    }
    file.value = '';
    reload();
  }

  function paint() {
    hush();
    list.replaceChildren(...own.voices.map(row));
    find('.none').textContent = own.trouble || (own.voices.length ? '' : words.none);
    find('.export').disabled = !own.voices.length;
  }

  find('.export').addEventListener('click', exportAll);
  find('.import').addEventListener('click', () => file.click());
  undo.addEventListener('click', bringBack);
  file.addEventListener('change', load);
  follow(paint, watch);
}
