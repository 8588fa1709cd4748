// A batch on its way: left with the server as a job (/v1/audio/jobs), asked after, heard line by line, fetched.
//
// The server's value: {seconds, ahead, wait, ready} of what the lines would take now, null where that isn't known.
voxdemo.batch = (element, props, watch, look) => {
  const ASK_EVERY_MS = 1500, ASK_HIDDEN_EVERY_MS = 15000, TICK_MS = 500, LOOK_AFTER_MS = 300, LOOK_EVERY_MS = 5000;
  const WINDOW = 200;  // items that are asked for at once
  const SHOWN = 240;  // characters of a line
  const LATE_S = 0.3;  // what a voice is silent at the end of a line
  const WHOLE_TRIES = 4, GIVEN_UP = [502, 504];  // by a proxy, while the server goes on making a file
  const KEPT = 'voxdemo-batch', KEPT_FILE = 'voxdemo-batch-file';  // its id; {name, end} of what its lines came from
  const FINAL = ['done', 'failed', 'cancelled'], BUSY = ['sent', 'waiting', 'speaking', 'lost'];
  const {words, most, isOpen} = props;
  const root = element.querySelector('.card');
  const find = (selector) => root.querySelector(selector);
  const audio = find('audio'), patience = voxdemo.patience();
  const made = (tag, values) => Object.assign(document.createElement(tag), values);
  let view = {state: 'idle'}, arrived = 0, said = '', job = null, rows = [], attempt = null, sending = null;
  let turn = 0, asking = 0, looking = 0, playing = null, heardAt = 0, complaint = '', file = {};

  const now = () => performance.now() / 1000;
  const count = (number) => number.toLocaleString('en');
  const isBusy = () => BUSY.includes(view.state);
  const isSeen = () => Boolean(root.offsetParent) && !document.hidden;
  const left = () => Math.max(0, view.seconds - (now() - arrived));
  const address = (path = '') => voxdemo.url(`v1/audio/jobs/${job.id}${path}`);

  // The line above the bar

  function line() {
    const known = view.seconds != null, time = known ? voxdemo.seconds(patience.shown(left())) : '';
    const phrases = {
      waiting: view.ahead ? known ? words.aheadAbout : words.ahead : known ? words.nextAbout : words.next,
      speaking: known ? words.speakingAbout : words.speaking,
      done: view.failed ? words.doneButFailed : view.lines === 1 ? words.doneOne : words.done,
      limited: left() > 0 ? words.limited : words.allowed,
      failed: '{say}',
    };
    const values = {...view, time, people: voxdemo.people(view.ahead)};
    for (const name of ['line', 'lines', 'done', 'failed']) if (name in values) values[name] = count(values[name]);
    return voxdemo.fill(phrases[view.state] ?? words[view.state], values);
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
    if (next.state !== view.state) patience.begin();
    const wasBusy = isBusy();
    view = next;
    arrived = now();
    paint();
    if (isBusy() !== wasBusy) estimate();
  }

  // The rows

  function clear() {
    stopPlaying();
    job = null;
    rows = [];
    find('ol').replaceChildren();
    complain('');
    root.classList.remove('filled');
    root.classList.add('begun');
  }

  function addRow({text, start}) {
    const number = rows.length + 1, row = made('li', {}), words = text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
    row.append(made('span', {className: 'number', textContent: count(number)}), made('p', {textContent: words, translate: false}),
      made('span', {className: 'told'}), ...start == null ? [] : [made('span', {className: 'at', textContent: clock(start)})]);
    rows.push({row, start, state: '', item: null});
    find('ol').append(row);
  }

  const clock = (seconds) => {
    const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60], rest = Math.floor(seconds % 60);
    return [...hours ? [hours, String(minutes).padStart(2, '0')] : [minutes], String(rest).padStart(2, '0')].join(':');
  };

  // How long a line may be: to where the next begins or, of the last, to where it ends itself.
  function slot(number) {
    const {start} = rows[number - 1], end = rows[number]?.start ?? file.end;
    return start == null || end == null ? null : end - start;
  }

  const isLate = ({item}) => item?.status === 'done' && slot(item.index) != null && item.duration_s - LATE_S > slot(item.index);

  function told(entry) {
    const {item} = entry;
    if (item.status === 'failed') return voxdemo.saying({message: item.error, code: item.error_code, values: item.error_values});
    if (item.status !== 'done') return words.states[item.status];
    const length = voxdemo.duration(item.duration_s);
    return isLate(entry) ? voxdemo.fill(words.late, {length, slot: voxdemo.duration(slot(item.index))}) : length;
  }

  function update(item) {
    const entry = rows[item.index - 1];
    if (!entry || entry.state === item.status) return;
    Object.assign(entry, {state: item.status, item});
    entry.row.dataset.state = item.status;
    entry.row.classList.toggle('late', isLate(entry));
    entry.row.querySelector('.told').textContent = entry.row.querySelector('.told').title = told(entry);
    if (item.status !== 'done') return;
    const number = count(item.index), name = `${item.name}.${job.format}`;
    const play = made('button', {type: 'button', className: 'hear'});
    const save = made('a', {className: 'fetch', href: address(`/items/${item.index}`), download: name});
    play.setAttribute('aria-label', voxdemo.fill(words.play, {line: number}));
    save.setAttribute('aria-label', voxdemo.fill(words.save, {line: number}));
    entry.row.append(play, save);
  }

  // Below the rows: what went wrong beside the batch itself, and whether lines are longer than their times.
  function note() {
    const late = rows.filter(isLate).length;
    const told = !late ? '' : late === 1 ? words.lateOne : voxdemo.fill(words.lateMany, {lines: count(late)});
    const text = [complaint, told].filter(Boolean).join(' ');
    if (find('.note').textContent !== text) find('.note').textContent = text;
  }

  function complain(sentence) {
    complaint = sentence;
    note();
  }

  function stopPlaying() {
    audio.pause();
    mark(false);
    playing = null;
  }

  function mark(isOn) {
    const button = playing?.row.querySelector('.hear');
    playing?.row.classList.toggle('playing', isOn);
    const line = count(rows.indexOf(playing) + 1);
    button?.setAttribute('aria-label', voxdemo.fill(isOn ? words.pause : words.play, {line}));
  }

  function hear(entry) {
    const isSame = entry === playing;
    if (isSame && !audio.paused) return audio.pause();
    if (!isSame) {
      stopPlaying();
      playing = entry;
      audio.src = address(`/items/${entry.item.index}`);
    }
    return audio.play().catch((error) => { if (error.name !== 'AbortError') complain(words.unheard); });
  }

  // The job

  function keep(id) {
    try {
      for (const [name, value] of [[KEPT, id], [KEPT_FILE, id && JSON.stringify(file)]]) {
        if (value) localStorage.setItem(name, value); else localStorage.removeItem(name);
      }
    } catch {
      if (id) complain(words.unkept);
    }
  }

  function kept() {
    try { return localStorage.getItem(KEPT); } catch { return null; }
  }

  function keptFile() {
    try { return JSON.parse(localStorage.getItem(KEPT_FILE)) ?? {}; } catch { return {}; }
  }

  function flaw(lines) {
    if (!isOpen) return words.closed;
    if (!lines.length) return words.missing;
    const values = {lines: count(lines.length), most: count(most.lines), over: count(lines.length - most.lines)};
    if (lines.length > most.lines) return voxdemo.fill(words.many, values);
    const at = lines.findIndex(({text}) => text.length > most.characters);
    if (at < 0) return '';
    const {length} = lines[at].text, over = count(length - most.characters);
    return voxdemo.fill(words.long, {line: count(at + 1), characters: count(length), over, most: count(most.characters)});
  }

  function order(lines, {voice, format, speed, seed}) {
    const times = lines.every(({start}) => start != null) && {starts: lines.map(({start}) => start)};
    const names = lines.some(({name}) => name) && {names: lines.map(({name}) => name ?? '')};
    const written = String(seed ?? '').trim();
    return {
      inputs: lines.map(({text}) => text), response_format: format, speed, skip_unspeakable: true,
      ...(voice ? {voice} : {}), ...(written ? {seed: Number(written)} : {}), ...times, ...names,
    };
  }

  const key = () => [...crypto.getRandomValues(new Uint32Array(4))].map((number) => number.toString(36)).join('-');

  async function start(manner) {
    const lines = voxdemo.lines.now();
    if (isBusy()) return;
    const wrong = flaw(lines) || (/^\s*\d*\s*$/.test(manner.seed ?? '') ? '' : words.noSeed);
    if (wrong) {
      said = '';
      return show({state: 'failed', say: wrong});
    }
    const body = JSON.stringify(order(lines, manner)), mine = ++turn;
    // The same again, where no answer came, is the same job: it may have been accepted.
    attempt = attempt?.body === body ? attempt : {body, key: key()};
    clear();
    file = {name: voxdemo.lines.named(), end: lines.at(-1).end};
    lines.forEach(addRow);
    sending = new AbortController();
    show({state: 'sent', seconds: null});
    const answer = await fetch(voxdemo.url('v1/audio/jobs'), {
      method: 'POST', body, signal: sending.signal,
      headers: {'Content-Type': 'application/json', 'Idempotency-Key': attempt.key},
    }).catch(() => null);
    if (mine !== turn) return;
    if (!answer) return show({state: 'failed', say: words.unreached});
    if (answer.status !== 202) return refused(answer);
    attempt = null;
    const status = await answer.json();
    follow(status);
    const [first, ...more] = notesOf(status);
    if (first) complain([first, more.length && voxdemo.fill(words.more, {lines: count(more.length)})].filter(Boolean).join(' '));
  }

  async function refused(answer) {
    attempt = null;
    const {error} = await answer.json().catch(() => ({})), seconds = Number(answer.headers.get('Retry-After'));
    if (answer.status === 401) return show({state: 'failed', say: words.closed});
    const say = error ? saying(error) : words.broken;
    if (seconds) return show({state: 'limited', say, seconds});
    for (const number of error?.values.texts ?? []) rows[number - 1]?.row.setAttribute('data-state', 'failed');
    return show({state: 'failed', say});
  }

  // What is a text to a program is a line here; and when to try again is counted down beside it.
  function saying(error) {
    const written = words.refused[voxdemo.codeOf(error)], {why} = error.values;
    return written ? voxdemo.fill(written, {...error.values, why: why && voxdemo.saying(why)}) : voxdemo.saying(error);
  }

  // What is left out or ignored, of the batch and then of its lines.
  function notesOf({items, warnings}) {
    const written = items.length > 1 ? words.ofLine : '{note}';
    const notes = items.flatMap(({index: line, warnings: all}) =>
      all.map((note) => voxdemo.fill(written, {line, lines: items.length, note})));
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
    items.forEach(update);
    const line = Math.min(firstOpen(), lines);
    const state = !end ? status.status === 'queued' ? 'waiting' : 'speaking' : counts.cancelled ? 'cancelled' : 'done';
    root.classList.toggle('filled', Boolean(end && counts.done));
    if (end && !view.end) lookSoon();
    show({...values, state, line, end: Boolean(end)});
    note();
    return lines;
  }

  const firstOpen = () => {
    const at = rows.findIndex(({state}) => !FINAL.includes(state));
    return at < 0 ? rows.length + 1 : at + 1;
  };

  // What is new: the items from the first on that isn't at its end, and more at once where all of them are.
  async function ask() {
    const mine = turn, first = firstOpen();
    const answer = await fetch(address(`?first=${first}&most=${WINDOW}`), {cache: 'no-store', signal: AbortSignal.timeout(10000)})
      .catch(() => null);
    if (mine !== turn) return;
    if (answer?.status === 404) return forget();
    if (answer?.ok) {
      heardAt = now();
      take(await answer.json());
      if (firstOpen() > first && firstOpen() <= rows.length && firstOpen() - first >= WINDOW) return ask();
    } else if (now() - heardAt > 10) {
      show({...view, state: 'lost', seconds: null, time: ''});
      window.dispatchEvent(new Event('voxdemo-lost'));
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
    const answer = await fetch(address('?keep=true'), {method: 'DELETE'}).catch(() => null);
    if (mine !== turn) return;
    if (answer?.ok) take(await answer.json());
    else again(0);
  }

  // After a reload: what this browser has left here before.
  async function resume(id) {
    const mine = turn;
    job = {id, format: ''};
    file = keptFile();
    for (let all = 1; rows.length < all;) {
      const asked = address(`?first=${rows.length + 1}&most=${WINDOW}&texts=true`);
      const answer = await fetch(asked, {cache: 'no-store'}).catch(() => null);
      if (mine !== turn) return;
      if (answer?.status === 404) return forget();
      if (!answer?.ok) return setTimeout(() => { if (mine === turn) resume(id); }, ASK_EVERY_MS);
      const status = await answer.json();
      job.format = status.format;
      root.classList.add('begun');
      status.items.forEach(({text, start_s: start}) => addRow({text, start}));
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
    button.textContent = words.making;
    let answer = null;
    for (let left = WHOLE_TRIES; left && mine === turn && (!answer || GIVEN_UP.includes(answer.status)); left -= 1) {
      answer = await fetch(address(`/${whole}`), {headers: {Range: 'bytes=0-0'}}).catch(() => null);
    }
    button.ariaBusy = 'false';
    button.textContent = words[whole];
    if (mine !== turn) return;
    if (answer?.ok) return made('a', {href: address(`/${whole}?${new URLSearchParams({name: file.name ?? ''})}`), download: ''}).click();
    const {error} = await answer?.json().catch(() => ({})) ?? {};
    complain(error ? voxdemo.saying(error) : words.unreached);
  }

  // What the lines would take

  function estimate() {
    const lines = voxdemo.lines.now(), {seconds, ahead, wait, ready: isReady} = props.value ?? {};
    const target = document.querySelector('#vx-batch-estimate p');
    if (!target) return;
    const wrong = lines.length || !isOpen ? flaw(lines) : '', rest = isReady === false ? words.loading : words.ready;
    const isKnown = seconds != null, time = isKnown && voxdemo.seconds(seconds);
    const size = {lines: count(lines.length), time, characters: count(lines.reduce((sum, {text}) => sum + text.length, 0))};
    const one = lines.length === 1;
    const phrase = isKnown ? one ? words.sizeOneAbout : words.sizeAbout : one ? words.sizeOne : words.size;
    const line = !ahead ? words.nobody : isKnown && wait != null ? words.queueAbout : words.queue;
    target.className = wrong ? 'over' : '';
    target.replaceChildren(wrong || (lines.length ? voxdemo.fill(phrase, size) : rest));
    if (wrong || ahead == null || isBusy()) return;  // of whom the line is then, the card says
    const values = {people: voxdemo.people(ahead), time: isKnown && wait != null ? voxdemo.seconds(seconds + wait) : ''};
    target.append(made('span', {textContent: voxdemo.fill(line, values)}));
  }

  function lookSoon() {
    clearTimeout(looking);
    looking = setTimeout(look, LOOK_AFTER_MS);
  }

  // Who waits changes without anything that happens here.
  setInterval(() => { if (isSeen() && !isBusy() && !voxdemo.lostAt) lookSoon(); }, LOOK_EVERY_MS);
  watch('value', estimate);
  window.addEventListener('voxdemo-lines', () => {
    Object.assign(props.value ?? {}, {seconds: null});
    estimate();
    lookSoon();
  });

  for (const name of ['play', 'pause', 'ended']) audio.addEventListener(name, () => mark(name === 'play'));
  audio.addEventListener('error', () => { if (playing) complain(words.unheard); });
  root.addEventListener('click', ({target}) => {
    const row = target.closest('.hear')?.parentElement, whole = target.closest('[data-whole]');
    if (row) hear(rows.find((entry) => entry.row === row));
    if (whole) fetchWhole(whole);
  });
  document.addEventListener('click', ({target}) => {
    if (target.closest('#vx-batch-cancel')) cancel();
    if (target.closest('#vx-batch-start') && voxdemo.lostAt && !isBusy()) show({state: 'failed', say: words.unreached});
  });
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey) || !event.target.closest('#vx-batch-in')) return;
    event.preventDefault();
    document.getElementById('vx-batch-start').click();
  });
  const seen = () => { if (job && isSeen() && !view.end && asking) again(0); };
  document.addEventListener('visibilitychange', seen);
  new IntersectionObserver(seen).observe(root);
  setInterval(() => { if (isBusy() || view.state === 'limited') paint(); }, TICK_MS);

  voxdemo.label(element, words);
  root.setAttribute('aria-label', words.title);
  find('.bar').setAttribute('aria-label', words.progress);
  find('.rows').setAttribute('aria-label', words.rows);
  voxdemo.batch.tab = {
    start,
    lookSoon,
    // What the server is to tell the seconds of.
    asked() {
      const texts = voxdemo.lines.now().map(({text}) => text.replace(/\n/g, ' '));
      return texts.reduce((sum, text) => sum + text.length, 0) > most.lookedAt ? '' : texts.join('\n');
    },
  };
  paint();
  lookSoon();
  if (kept()) resume(kept());
};
