// What is asked for, to be taken along: as a link that opens the page with it, and as a call of the HTTP API in three
// languages. Neither has a recording in it: a link never has, and a program has its own.
import {url} from '../shell/server.js';
import {state as page, takes} from '../shell/state.js';

let show = () => {}, linked = () => {};

export function share(element, ask) {
  const LONGEST_LINK = 8000;  // characters, so that messengers and browsers don't cut it
  const FIELDS = ['speed', 'instructions'];  // OpenAI's, beside the text; the others are ours
  const find = (selector) => element.querySelector(selector);
  const quoted = JSON.stringify;  // is read alike by Python and JavaScript, but for truth
  const inPython = (value) => value === true ? 'True' : quoted(value);
  const {names, usual} = page;
  let asked = {text: ''};

  // Only what differs from how it is at first.
  const manner = () => Object.fromEntries(Object.entries(asked).filter(([name, value]) =>
    name in usual && takes(name) && value !== usual[name] && value !== '' && value !== null));
  const hasRecording = () => takes('kind') && asked.kind !== usual.kind;

  function body() {
    const {seed, control, ...rest} = manner();
    const {kind, ...ours} = {...rest, ...(control && {instructions: control}), ...(seed && {seed: Number(seed)})};
    return {
      model: 'tts-1',
      voice: asked.voice || 'alloy',
      input: asked.text,
      response_format: 'wav',
      ...ours,
      ...(hasRecording() && {prompt_text: asked.prompt_text ?? '', ...(asked.denoise && {denoise: true})}),
    };
  }

  function link() {
    const {kind, ...told} = manner(), voice = hasRecording() ? undefined : linked(asked.voice);
    if (voice) told.voice = voice;
    return `${location.origin}${location.pathname}#${new URLSearchParams({text: asked.text, ...told})}`;
  }

  function python() {
    const {model, voice, input, response_format, ...rest} = body();
    const isTheirs = ([name]) => FIELDS.includes(name);
    const theirs = Object.entries({model, voice, input, response_format}).concat(Object.entries(rest).filter(isTheirs));
    const ours = Object.entries(rest).filter((field) => !isTheirs(field)).map(([name, value]) => `${quoted(name)}: ${inPython(value)}`);
    if (hasRecording()) ours.push('"prompt_audio": base64.b64encode(open("voice.wav", "rb").read()).decode()');
    return [
      ...(hasRecording() ? ['import base64', ''] : []),
      'from openai import OpenAI',
      '',
      `client = OpenAI(base_url=${quoted(url('v1'))}, api_key="none")  # or a key, where one is asked for`,
      'spoken = client.audio.speech.create(',
      ...theirs.map(([name, value]) => `    ${name}=${quoted(value)},`),
      ...(ours.length ? [`    extra_body={${ours.join(', ')}},`] : []),
      ')',
      'spoken.write_to_file("speech.wav")',
    ].join('\n');
  }

  function curl() {
    const json = quoted(body(), null, 2).replaceAll('\'', '\'\\\'\'');
    const call = `curl ${quoted(url('v1/audio/speech'))} -H "Content-Type: application/json" -o speech.wav --fail-with-body`;
    if (!hasRecording()) return `${call} -d \\\n'${json}'`;
    const before = json.replace(/\n}$/, () => ',\n  "prompt_audio": "');  // which is too much for an argument
    return `{ printf %s '${before}'\n  base64 < voice.wav | tr -d '\\n'\n  printf '"}'\n} | ${call} --data-binary @-`;
  }

  function javascript() {
    const fields = Object.entries(body()).map(([name, value]) => `    ${name}: ${quoted(value)},`);
    if (hasRecording()) fields.push('    prompt_audio: (await readFile("voice.wav")).toString("base64"),');
    return [
      ...(hasRecording() ? ['import { readFile } from "node:fs/promises";', ''] : []),
      `const answer = await fetch(${quoted(url('v1/audio/speech'))}, {`,
      '  method: "POST",',
      '  headers: { "Content-Type": "application/json" },',
      '  body: JSON.stringify({',
      ...fields,
      '  }),',
      '});',
      'if (!answer.ok) throw new Error((await answer.json()).error.message);',
      'const sound = await answer.blob();',
    ].join('\n');
  }

  const written = {link, python, curl, javascript};
  const kind = () => find('input:checked').value;
  const isTooLong = () => kind() === 'link' && link().length > LONGEST_LINK;

  function paint() {
    find('.about').textContent = isTooLong() ? "This text is too long for a link: save it as a file, or take one of the other three."
      : kind() !== 'link' ? "Asks this server for the same audio."
        : hasRecording() ? "Opens this page with your text and settings, without your recording."
          : "Opens this page with your text and settings. They are in the link itself, and not sent to the server.";
    find('.written').textContent = isTooLong() ? '' : written[kind()]();
    find('.copy').disabled = isTooLong();
    find('[role=status]').textContent = '';
  }

  async function copy() {
    const text = find('.written').textContent;
    try {
      await navigator.clipboard.writeText(text);  // there only over HTTPS, and on this machine itself
      find('[role=status]').textContent = "Copied.";
    } catch {
      getSelection().selectAllChildren(find('.written'));
      find('[role=status]').textContent = "Selected: copy it with your keyboard or the menu.";
    }
  }

  element.addEventListener('change', paint);
  find('.copy').addEventListener('click', copy);
  show = (values) => {
    asked = Object.fromEntries(names.map((name, index) => [name, values[index]]));
    paint();
  };
  ask();
}

// What is asked for now; before the fold is drawn nobody sees it.
// `voiceOf` gives what a link calls a voice.
export function shared(values, voiceOf) {
  linked = voiceOf;
  show(values);
}

// A page that was opened by such a link: `tell` when there is one in its address, also one that is put there later.
export function arriving(tell) {
  const look = () => { if (new URLSearchParams(location.hash.slice(1)).has('text')) tell(); };
  window.addEventListener('hashchange', look);
  look();
}

// The page's values with those of the link, which is taken out of the address: a reload doesn't bring them back.
export function arrived(values, {choose, chosen}) {
  const {names, usual} = page, told = new URLSearchParams(location.hash.slice(1));
  history.replaceState(null, '', `${location.pathname}${location.search}`);
  const fold = document.querySelector('#vx-fine .label-wrap');
  if (fold && !fold.classList.contains('open') && [...told.keys()].some((name) => name !== 'text' && name in usual && takes(name))) fold.click();
  const isTold = (name) => told.has(name) && takes(name) && (name === 'text' || name in usual);
  const read = (name, written) => {
    if (typeof usual[name] === 'boolean') return written === 'true';
    if (typeof usual[name] === 'number') return Number.isFinite(+written) ? +written : usual[name];
    return written;
  };
  const isChosen = told.has('voice') && choose(told.get('voice')), [kind, voice] = chosen();
  const ours = isChosen ? {kind, voice} : {};
  return names.map((name, index) => name in ours ? ours[name] : isTold(name) ? read(name, told.get(name)) : values[index]);
}
