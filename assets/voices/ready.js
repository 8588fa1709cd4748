// The engine's voices, each with a sample, which goes through the line as everybody's texts do.
import {made} from '../shell/elements.js';
import {fill} from '../shell/phrases.js';
import {url} from '../shell/server.js';
import {state} from '../shell/state.js';
import {language} from '../shell/translate.js';
import {begin, sentenceOf} from './own_voices.js';
import {hush, play, playButton} from './playing.js';

const samples = new Map();  // addresses by voice, of what was asked for on this page
let asked = null, heardLast = -1;

export const wanted = () => asked?.name ?? '';

export function ready(element, props, watch, ask) {
  begin(props);
  const {words} = props;
  const list = element.querySelector('ul'), none = element.querySelector('.none');
  const languages = new Intl.DisplayNames([language], {type: 'language', languageDisplay: 'standard', style: 'short'});

  function told(voice) {
    const values = {language: voice.language && languages.of(voice.language), gender: words[voice.gender]};
    return voice.language && voice.gender ? fill(words.told, values) : values.language || values.gender || '';
  }

  function row(voice) {
    const item = made('li', {className: 'voice'}), what = item.appendChild(made('div', {className: 'what'}));
    what.append(made('b', {textContent: voice.title}), made('span', {textContent: told(voice)}));
    const label = fill(words.sampleOf, {name: voice.title});
    item.append(playButton(words.sample, label, voice.title, (from) => sample(from, voice.name, ask)));
    return item;
  }

  function paint() {
    samples.clear();
    hush();
    list.replaceChildren(...props.value.voices.map(row));
    none.textContent = props.value.voices.length ? '' : props.value.none;
  }

  watch('value', paint);
  paint();
}

// Through the line as everybody, unless it was heard on this page before.
async function sample(from, name, ask) {
  const card = state.cards['vx-sample'];
  if (!card || card.isBusy()) return;
  if (samples.has(name)) {
    try {
      return await play(from, url(samples.get(name)));
    } catch {
      samples.delete(name);  // it is gone: it is made anew
    }
  }
  if (card.holds(() => sample(from, name, ask))) return;
  if (state.lostAt) return card.lose();
  asked = {from, name};
  hush();
  card.send();
  ask();
}

export function heard(value) {
  if (document.activeElement === document.body) asked?.from.focus({preventScroll: true});  // Cancel had it
  if (value?.state !== 'done' || value.number === heardLast) return;
  heardLast = value.number;
  samples.set(asked.name, value.url);
  play(asked.from, url(value.url)).catch((error) => state.cards['vx-sample'].deny(sentenceOf(error)));
}
