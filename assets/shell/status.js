// How the server does: at the head of the page, and on the Status tab.
import {made, sleep, spans} from './elements.js';
import {offerOther} from './language.js';
import {fill, language} from './phrases.js';
import {checkServer, url} from './server.js';
import {state as page} from './state.js';

const ASK_EVERY_MS = 2000, ASK_OF_PENDING_EVERY_MS = 5000, ASK_OF_THE_LINE_EVERY_MS = 4000;
const names = new Intl.DisplayNames([language], {type: 'language'});
const MOST_NAMED = 8;  // languages; of more, how many
const STATES = {
  resting: "loads when it is used",
  loading: "loading",
  waking: "loading",
  ready: "ready",
  reloading: "reloading",
  failed: "doesn't work",
  closed: "stopped",
};

// Whether the models are ready, at the head of the page; in the banner what is still being loaded while a stand-in serves;
// and below Speak how long the line is. Asks often while the server is away or something loads, else every few seconds,
// and only while somebody sees the page.
export function head(element, props, trigger) {
  const {isOpen, noCopies, names: asked, usual} = props;
  Object.assign(page, {isOpen, noCopies, names: asked, usual});
  const chip = element.querySelector('.chip');
  let state = '', engine = props.value.title, pending = false, asking = false, models = [];
  const again = engines(element, chip, () => models);

  // Gradio knows who has logged in. What they wrote isn't for whoever comes next.
  const out = element.querySelector('.log-out'), {username} = window.gradio_config ?? {};
  offerOther(element.querySelector('.language'));
  out.hidden = !username;
  if (username) out.title = fill("Logged in as {username}", {username});
  out.addEventListener('click', async () => {
    const answer = await fetch(url('logout'), {method: 'POST'}).catch(() => null);
    if (!answer?.ok) return;
    document.querySelector('#vx-text textarea').value = '';
    location.reload();
  });

  function show(next, reason = fill("{title} is loading", {title: engine}), title = engine) {
    const outdated = (next === 'ready' && state && state !== 'ready') || engine !== title;
    if ((state === 'lost') !== (next === 'lost')) turn(next === 'lost');
    [state, engine] = [next, title];
    if (outdated) trigger('retry');  // what was told of the engine before
    chip.dataset.state = next;
    const text = {ready: fill("{title}, ready", {title}), loading: reason.replace(/\.$/, ''), lost: "Can't reach the server"}[next];
    if (chip.lastElementChild.textContent === text) return;
    chip.lastElementChild.textContent = text;
    element.querySelector('.heard').textContent = text;
  }

  // Its own sentence about that would cover ours, and Gradio has no other language for it.
  function turn(isLost) {
    page.lostAt = isLost ? performance.now() : 0;
    document.body.classList.toggle('vx-lost', isLost);
    window.dispatchEvent(new Event(isLost ? 'voxdemo-away' : 'voxdemo-back'));
  }

  async function ask() {
    try {
      const answer = await fetch(url('ready'), {cache: 'no-store', signal: AbortSignal.timeout(5000)});
      const {ready, reason, title, notice, ...rest} = await answer.json();
      if (pending && !rest.pending) trigger('retry');
      pending = Boolean(rest.pending);
      models = rest.models;
      again();
      show(ready ? 'ready' : 'loading', reason, title);
      const line = document.querySelector('#vx-estimate p:not(.over) span');
      if (line && line.textContent !== rest.line) line.textContent = rest.line;
      const banner = document.querySelector('#vx-banner p');
      if (pending && banner && banner.textContent !== notice) banner.textContent = notice;
    } catch {
      show('lost');
    }
  }

  async function askUntilReady() {
    if (asking) return;
    asking = true;
    for (await ask(); state !== 'ready' || pending; await ask()) {
      await sleep(state === 'ready' ? ASK_OF_PENDING_EVERY_MS : ASK_EVERY_MS);
    }
    asking = false;
  }

  const look = () => { if (!document.hidden) askUntilReady(); };
  setInterval(look, ASK_OF_THE_LINE_EVERY_MS);
  document.addEventListener('visibilitychange', look);
  for (const name of ['online', 'offline', 'voxdemo-lost']) window.addEventListener(name, askUntilReady);
  askUntilReady();
}

// Lets the Status tab look again while somebody sees it, and only then: when it comes into view, and every few seconds.
// Where there was no answer, it is looked whether the server is there.
export function board(element, watch, everyMs, ask) {
  let isAnswered = true;
  watch('value', () => { isAnswered = true; });

  function look() {
    if (!element.offsetParent || document.hidden) return;
    if (!isAnswered) checkServer();
    isAnswered = false;
    ask();
  }

  new IntersectionObserver(look).observe(element);
  document.addEventListener('visibilitychange', look);
  setInterval(look, everyMs);
}

// The card that the state at the head opens: which models there are, how they are, and what they can.
// `current` gives the models as `/ready` lists them, of all generators.
function engines(element, button, current) {
  const dialog = element.querySelector('dialog');

  function speaks({voices, languages}) {
    const named = languages.length > MOST_NAMED ? fill("{n} languages", {n: languages.length})
      : new Intl.ListFormat(language, {type: 'conjunction', style: 'narrow'}).format(languages.map((code) => names.of(code)));
    return [voices > 1 ? fill("{n} voices", {n: voices}) : '', named];
  }

  function row([{title, device, state, memory_bytes: memory, ...model}, count]) {
    const told = [
      ...(model.languages ? speaks(model) : ["recognises speech"]), model.copies ? "copies voices" : '', device === 'cpu' ? 'CPU' : device,
      memory ? fill("{n} GB of memory", {n: (memory / 1e9).toFixed(1)}) : '', count > 1 ? fill("{n} copies", {n: count}) : '',
    ];
    const about = spans(told);
    for (const each of about) each.translate = !['CPU', device].includes(each.textContent);
    const line = [made('i', {ariaHidden: 'true'}), made('b', {textContent: title}), made('span', {textContent: STATES[state]})];
    const item = made('li', {}, made('p', {className: 'of'}, ...line), made('p', {className: 'about'}, ...about));
    item.dataset.state = state;
    return item;
  }

  function paint() {
    const alike = new Map();
    for (const model of current()) {
      const key = JSON.stringify([model.title, model.state]), [, count] = alike.get(key) ?? [null, 0];
      alike.set(key, [model, count + 1]);
    }
    const rows = [...alike.values()].map(row), before = [...dialog.querySelectorAll('li')];
    if (rows.map((each) => each.outerHTML).join() !== before.map((each) => each.outerHTML).join()) dialog.querySelector('ul').replaceChildren(...rows);
  }

  button.addEventListener('click', () => {
    paint();
    dialog.showModal();
  });
  dialog.addEventListener('click', ({target}) => { if (target === dialog || target.closest('.close')) dialog.close(); });
  return () => { if (dialog.open) paint(); };
}
