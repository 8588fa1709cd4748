// A batch on its way: left with the server as a job (/v1/audio/jobs), asked after, heard line by line, fetched.
//
// The server's value: {seconds, ahead, wait, ready} of what the lines would take now, null where that isn't known.
import {made} from '../shell/elements.js';
import {codeOf, fill, people, roughly, saying, steadied, UNEXPECTED} from '../shell/phrases.js';
import {answerOf, checkServer, url} from '../shell/server.js';
import {browser, newId, state as page} from '../shell/state.js';
import {current, nameOfFile} from './lines.js';
import {CLOSED, flaw, order, paintEstimate} from './order.js';
import {count, rowsIn} from './rows.js';

const ASK_EVERY_MS = 1500, ASK_HIDDEN_EVERY_MS = 15000, TICK_MS = 500, LOOK_AFTER_MS = 300, LOOK_EVERY_MS = 5000;
const WINDOW = 200;  // items that are asked for at once
const WHOLE_TRIES = 4, GIVEN_UP = [502, 504];  // by a proxy, while the server goes on making a file
const KEPT = 'batch', KEPT_FILE = 'batch-file';  // its id; {name, end} of what its lines came from
const BUSY = ['sent', 'waiting', 'speaking', 'lost'];
const SAID = {
  idle: "No batch yet.",
  sent: "Sending",
  unsent: "Cancelled. Your lines are kept.",
  cancelled: "Cancelled. {done} of {lines} lines are spoken and kept.",
  lost: "Can't reach the server. Retrying; the batch goes on by itself.",
  gone: "This batch no longer exists: it was deleted or has expired.",
  failed: '{say}',
};
const REFUSED = {  // what is a text to a program is a line here; and when to try again is counted down beside it
  'rate_limit_exceeded': "Too many requests.",
  'not_ready.restarting': "The server is restarting.",
  'text_unspeakable': "Line {first} of {count}: {why}",
  'texts_unspeakable': "Lines {named} of {count} can't be spoken. Line {first}: {why}",
};
const WHOLE = {zip: "Download all (zip)", joined: "Download as one file"};
const UNKEPT = "This browser doesn't store data. Stay on this page until you have downloaded the batch.";
const LINES_KEPT = "Can't reach the server. Your lines are kept. Try again in a moment.";
let tab = null;

export const start = (manner) => tab.start(manner);
export const lookSoon = () => tab?.lookSoon();
export const asked = () => tab?.asked() ?? '';

export function batch(element, props, watch, look) {
  const {most} = props;
  const root = element.querySelector('.card');
  const find = (selector) => root.querySelector(selector);
  const rows = rowsIn(root, address, complain);
  let view = {state: 'idle'}, arrived = 0, shownS = null, said = '', job = null, attempt = null, sending = null;
  let turn = 0, asking = 0, looking = 0, heardAt = 0, complaint = '', file = {};

  const now = () => performance.now() / 1000;
  const isBusy = () => BUSY.includes(view.state);
  const isSeen = () => Boolean(root.offsetParent) && !document.hidden;
  const left = () => Math.max(0, view.seconds - (now() - arrived));
  function address(path = '') { return url(`v1/audio/jobs/${job.id}${path}`); }

  // The line above the bar

  function line() {
    const known = view.seconds != null;
    if (known) shownS = steadied(left(), shownS);
    const phrases = {
      waiting: (view.ahead ? "{people} ahead of you" : "You are next") + (known ? ", about {time}" : ''),
      speaking: known ? "Speaking line {line} of {lines}, about {time} left" : "Speaking line {line} of {lines}",
      done: view.failed ? "{done} of {lines} lines are spoken, {failed} failed."
        : view.lines === 1 ? "The line is spoken." : "All {lines} lines are spoken.",
      limited: left() > 0 ? "{say} Try again in {time}." : "You can go on now. Your lines are kept.",
    };
    const values = {...view, time: known ? roughly(shownS) : '', people: people(view.ahead)};
    for (const name of ['line', 'lines', 'done', 'failed']) if (name in values) values[name] = count(values[name]);
    return fill(phrases[view.state] ?? SAID[view.state], values);
  }

  function paint() {
    const text = line(), share = {done: 1}[view.state] ?? view.progress ?? 0;
    if (find('.say').textContent !== text) find('.say').textContent = text;
    find('.bar i').style.transform = `scaleX(${share})`;
    find('.bar').setAttribute('aria-valuenow', Math.round(100 * share));
    root.dataset.state = view.state;
    root.classList.toggle('busy', isBusy());
    const key = [view.state, view.ahead, view.say].join(' ');
    if (key === said) return;  // to a screen reader only what is new, not every line
    said = key;
    find('.live').textContent = text;
  }

  function show(next) {
    if (next.state !== view.state) shownS = null;
    const wasBusy = isBusy();
    view = next;
    arrived = now();
    paint();
    if (isBusy() !== wasBusy) estimate();
  }

  const estimate = () => paintEstimate(props, isBusy());

  // Below the rows: what went wrong beside the batch itself, and whether lines are longer than their times.
  function note() {
    const {late} = rows;
    const told = !late ? '' : late === 1 ? "1 line is longer than its time. In one file, the lines after it start later."
      : fill("{lines} lines are longer than their time. In one file, the lines after them start later.", {lines: count(late)});
    const text = [complaint, told].filter(Boolean).join(' ');
    if (find('.note').textContent !== text) find('.note').textContent = text;
  }

  function complain(sentence) {
    complaint = sentence;
    note();
  }

  // The job

  function clear() {
    job = null;
    rows.clear(file.end);
    complain('');
    root.classList.remove('filled');
    root.classList.add('begun');
  }

  function keep(id) {
    const isKept = browser.set(KEPT, id) && browser.set(KEPT_FILE, id && JSON.stringify(file));
    if (id && !isKept) complain(UNKEPT);
  }

  async function begin(manner) {
    const lines = current();
    if (isBusy()) return;
    const wrong = flaw(lines, props) || (/^\s*\d*\s*$/.test(manner.seed ?? '') ? '' : props.noSeed);
    if (wrong) {
      said = '';
      return show({state: 'failed', say: wrong});
    }
    const mine = ++turn, {wrong: gone, ...voice} = await manner.voice();
    if (mine !== turn) return;
    if (gone) return show({state: 'failed', say: gone});
    const body = order(lines, {...manner, voice});
    // The same again, where no answer came, is the same job: it may have been accepted.
    attempt = attempt?.body === body ? attempt : {body, key: newId()};
    file = {name: nameOfFile(), end: lines.at(-1).end};
    clear();
    lines.forEach(rows.add);
    sending = new AbortController();
    show({state: 'sent', seconds: null});
    const headers = {'Content-Type': 'application/json', 'Idempotency-Key': attempt.key};
    const answer = await answerOf('v1/audio/jobs', {method: 'POST', body, headers, signal: sending.signal});
    if (mine !== turn) return;
    if (!answer) return show({state: 'failed', say: LINES_KEPT});
    if (answer.status !== 202) return refused(answer);
    attempt = null;
    const status = await answer.json();
    follow(status);
    const [first, ...more] = notesOf(status);
    if (first) complain([first, more.length && fill("{lines} more such notes.", {lines: count(more.length)})].filter(Boolean).join(' '));
  }

  async function refused(answer) {
    if (answer.status !== 503) attempt = null;  // else it may have been accepted all the same
    const {error} = await answer.json().catch(() => ({})), seconds = Number(answer.headers.get('Retry-After'));
    if (answer.status === 401) return show({state: 'failed', say: CLOSED});
    const say = error ? ofLines(error) : UNEXPECTED;
    if (seconds) return show({state: 'limited', say, seconds});
    for (const number of error?.values?.texts ?? []) rows.refuse(number);
    return show({state: 'failed', say});
  }

  function ofLines(error) {
    const written = REFUSED[codeOf(error)], {why} = error.values ?? {};
    return written ? fill(written, {...error.values, why: why && saying(why)}) : saying(error);
  }

  // What is left out or ignored, of the batch and then of its lines.
  function notesOf({items, warnings}) {
    const written = items.length > 1 ? "Line {line} of {lines}: {note}" : '{note}';
    const notes = items.flatMap((item) => item.warnings.map((each) => fill(written, {line: item.index, lines: items.length, note: each})));
    return [...warnings.slice(0, warnings.length - notes.length), ...notes];
  }

  function follow(status) {
    job = {id: status.id, format: status.format};
    keep(job.id);
    heardAt = now();
    take(status);
    again();
  }

  function take(status) {
    const {counts, progress, seconds, ahead, items, finished_at: end} = status;
    const lines = Object.values(counts).reduce((sum, number) => sum + number, 0);
    const values = {progress, seconds, ahead, lines, done: counts.done, failed: counts.failed};
    for (const item of items) rows.update(item, job.format);
    const first = Math.min(rows.firstOpen(), lines);
    const state = !end ? status.status === 'queued' ? 'waiting' : 'speaking' : counts.cancelled ? 'cancelled' : 'done';
    root.classList.toggle('filled', Boolean(end && counts.done));
    if (end && !view.end) soon();
    show({...values, state, line: first, end: Boolean(end)});
    note();
    return lines;
  }

  // What is new: the items from the first on that isn't at its end, and more at once where all of them are.
  async function ask() {
    const mine = turn, first = rows.firstOpen();
    const answer = await answerOf(address(`?first=${first}&most=${WINDOW}`), {signal: AbortSignal.timeout(10000)});
    if (mine !== turn) return;
    if (answer?.status === 404) return forget();
    if (answer?.ok) {
      heardAt = now();
      take(await answer.json());
      if (rows.firstOpen() <= rows.length && rows.firstOpen() - first >= WINDOW) return ask();
    } else if (now() - heardAt > 10) {
      show({...view, state: 'lost', seconds: null, time: ''});
      checkServer();
    }
    if (!view.end) again();
  }

  function again(after = isSeen() ? ASK_EVERY_MS : ASK_HIDDEN_EVERY_MS) {
    clearTimeout(asking);
    asking = setTimeout(ask, after);
  }

  function forget() {
    clear();
    keep(null);
    root.classList.remove('begun');
    show({state: 'gone'});
  }

  async function cancel() {
    if (view.state === 'sent') {
      turn += 1;
      sending.abort();
      clear();
      root.classList.remove('begun');
      return show({state: 'unsent'});
    }
    const mine = ++turn;
    clearTimeout(asking);
    const answer = await answerOf(address('?keep=true'), {method: 'DELETE'});
    if (mine !== turn) return;
    if (answer?.ok) take(await answer.json());
    else again(0);
  }

  // After a reload: what this browser has left here before.
  async function resume(id) {
    const mine = turn;
    job = {id, format: ''};
    for (let all = 1; rows.length < all;) {
      const answer = await answerOf(address(`?first=${rows.length + 1}&most=${WINDOW}&texts=true`));
      if (mine !== turn) return;
      if (answer?.status === 404) return forget();
      if (!answer?.ok) return setTimeout(() => { if (mine === turn) resume(id); }, ASK_EVERY_MS);
      const status = await answer.json();
      job.format = status.format;
      root.classList.add('begun');
      status.items.forEach((item) => rows.add({text: item.text, start: item.start_s}));
      all = take(status);
    }
    heardAt = now();
    if (!view.end) again();
  }

  // Made on the server when it is asked for the first time; a download that doesn't begin tells nobody why.
  async function fetchWhole(button) {
    const {whole} = button.dataset, mine = turn;
    if (button.ariaBusy === 'true') return;
    button.ariaBusy = 'true';
    button.textContent = "One moment …";
    let answer = null;
    for (let tries = WHOLE_TRIES; tries && mine === turn && (!answer || GIVEN_UP.includes(answer.status)); tries -= 1) {
      answer = await answerOf(address(`/${whole}`), {headers: {Range: 'bytes=0-0'}});
    }
    button.ariaBusy = 'false';
    button.textContent = WHOLE[whole];
    if (mine !== turn) return;
    if (answer?.ok) return made('a', {href: address(`/${whole}?${new URLSearchParams({name: file.name ?? ''})}`), download: ''}).click();
    const {error} = await answer?.json().catch(() => ({})) ?? {};
    complain(error ? saying(error) : LINES_KEPT);
  }

  function soon() {
    clearTimeout(looking);
    looking = setTimeout(look, LOOK_AFTER_MS);
  }

  // The line moves without anything that happens here.
  setInterval(() => { if (isSeen() && !isBusy() && !page.lostAt) soon(); }, LOOK_EVERY_MS);
  watch('value', estimate);
  window.addEventListener('voxdemo-lines', () => {
    Object.assign(props.value ?? {}, {seconds: null});
    estimate();
    soon();
  });

  root.addEventListener('click', ({target}) => {
    const whole = target.closest('[data-whole]');
    if (whole) fetchWhole(whole);
  });
  document.addEventListener('click', ({target}) => {
    if (target.closest('#vx-batch-cancel')) cancel();
    if (target.closest('#vx-batch-start') && page.lostAt && !isBusy()) show({state: 'failed', say: LINES_KEPT});
  });
  const seen = () => { if (job && isSeen() && !view.end && asking) again(0); };
  document.addEventListener('visibilitychange', seen);
  new IntersectionObserver(seen).observe(root);
  setInterval(() => { if (isBusy() || view.state === 'limited') paint(); }, TICK_MS);

  tab = {
    start: begin,
    lookSoon: soon,
    // What the server is to tell the seconds of.
    asked() {
      const texts = current().map(({text}) => text.replace(/\n/g, ' '));
      return texts.reduce((sum, text) => sum + text.length, 0) > most.lookedAt ? '' : texts.join('\n');
    },
  };
  paint();
  soon();
  if (browser.get(KEPT)) {
    file = browser.read(KEPT_FILE) ?? {};
    rows.clear(file.end);
    resume(browser.get(KEPT));
  }
}
