// The choice of a saved voice on the Speak tab, which goes along with what is spoken.
import {url} from '../shell/server.js';
import {state} from '../shell/state.js';
import {begin, follow, hear, hush, own, picked, playButton, reload, sayIn, sentenceOf} from './own_voices.js';
import {refusal} from './shelf.js';

let clones = false, savedKind = '';

export function picker(element, props, watch) {
  begin(props);
  const {words} = props;
  const find = (selector) => element.querySelector(selector);
  const select = find('select'), tell = sayIn(find('.say'));
  savedKind = props.kind;
  const listen = playButton(words.play, words.playChosen, '', (from) => {
    const voice = picked();
    from.dataset.name = voice.name;
    hear(from, voice, tell);
  });
  find('.row').append(listen);

  function paint() {
    ({clones, takes: state.taken} = props.value);
    const options = own.voices.map(({id, name}) => Object.assign(new Option(name, id), {translate: false}));
    select.replaceChildren(...(options.length ? options : [new Option(words.nonePicked, '')]));
    own.chosen = (picked() ?? own.voices[0])?.id ?? '';
    select.value = own.chosen;
    select.disabled = listen.disabled = !own.voices.length;
    tell(own.trouble || (own.voices.length ? '' : words.howToSave));
  }

  select.addEventListener('change', () => {
    own.chosen = select.value;
    hush();
    tell('');
  });
  follow(paint, watch);
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
  if (kind !== savedKind) return [text, kind, voice, prompt, promptText, ...rest];
  const mine = picked();
  if (!mine || !clones) return [text, kind, voice, null, '', ...rest];
  try {
    return [text, kind, voice, await uploaded(await own.shelf.recording(mine)), mine.text, ...rest];
  } catch (error) {
    const card = state.cards['vx-card'];
    if (error.wait) card.limit(error.wait, error.told); else card.deny(sentenceOf(error));
    reload();
    throw error;
  }
}
