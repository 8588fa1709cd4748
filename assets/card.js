// How one job is doing: a line, a bar, and with a player below them the finished sound.
//
// The server's values: {state: 'idle'} · {state: 'waiting', ahead, seconds} · {state: 'speaking', done, seconds,
// sentence, sentences} · {state: 'listening', done, seconds} · {state: 'done', url, total, took, factor, seed, peaks,
// captions: [[start, end, text]…], notes, format} · {state: 'heard', text, language, total, took, notes} ·
// {state: 'failed', say}. The browser's own: 'sent', 'cancelled', 'broken', 'lost', 'missing'.
voxdemo.card = (element, props, watch, trigger) => {
  const BUSY = ['sent', 'waiting', 'speaking', 'listening'];
  const SILENCE_S = 10;  // without a word from the server; then it is asked whether it is still there
  const words = props.words;
  const root = element.querySelector('.card');
  const find = (selector) => root.querySelector(selector);
  const id = element.closest('[id^=vx-]').id;
  const player = find('.player') && voxdemo.player(find('.player'), words, (state) => show({state}));
  let value = {state: 'idle'}, ticking = 0, arrived = 0, heardAt = 0, said = '', reached = 0;

  const now = () => performance.now() / 1000;
  const isBusy = () => BUSY.includes(value.state);
  const left = () => Math.max(0, value.seconds - (now() - arrived));
  const duration = (seconds) => seconds.toFixed(1);
  const after = (phrase) => value.seconds == null ? '' : voxdemo.fill(phrase, {time: voxdemo.seconds(left())});
  const language = (code) => new Intl.DisplayNames(['en'], {type: 'language'}).of(code);

  const lines = {
    waiting: () => voxdemo.fill(value.ahead ? words.ahead : words.next, value) + after(words.wait),
    speaking: () => (value.sentences > 1
      ? voxdemo.fill(words.part, {part: value.sentence, parts: value.sentences}) : words.speaking) + after(words.left),
    listening: () => words.listening + after(words.left),
    done: () => voxdemo.fill(words.done, {total: duration(value.total), took: duration(value.took)}),
    heard: () => [value.text ? voxdemo.fill(words.heard, {
      language: value.language ? language(value.language) : 'Speech', total: duration(value.total), took: duration(value.took),
    }) : words.silent, ...value.notes].join(' '),
    failed: () => value.say,
    cancelled: () => voxdemo.fill(words.cancelled, words),
    broken: () => voxdemo.fill(words.broken, words),
    lost: () => voxdemo.fill(words.lost, {...words, time: voxdemo.seconds(value.silence)}),
  };
  const line = () => (lines[value.state] ?? (() => words[value.state]))();

  // Between two words of the server the bar goes on towards the end it announced, never quite there and never back.
  function done() {
    if (['done', 'heard', 'blocked'].includes(value.state)) return 1;
    if (!('done' in value)) return 0;
    const share = value.seconds == null ? 0 : Math.min(0.95, (now() - arrived) / Math.max(0.1, value.seconds));
    return reached = Math.max(reached, value.done + (1 - value.done) * share);
  }

  function paint() {
    const text = line();
    if (find('.say').textContent !== text) find('.say').textContent = text;
    find('.bar i').style.transform = `scaleX(${done()})`;
    find('.bar').setAttribute('aria-valuenow', Math.round(done() * 100));
    const key = `${value.state} ${value.ahead ?? ''} ${value.sentence ?? ''}`;
    if (key === said) return;  // to a screen reader only what is new, not every second
    said = key;
    find('.live').textContent = text;
  }

  function show(next) {
    const wasBusy = isBusy();
    value = next;
    arrived = heardAt = now();
    root.dataset.state = value.state;
    root.classList.toggle('busy', isBusy());
    clearInterval(ticking);
    if (isBusy()) ticking = setInterval(tick, 250);
    paint();
    if (wasBusy && !isBusy()) trigger('end');
  }

  function tick() {
    paint();
    if (now() - heardAt > SILENCE_S) listenForLife();
  }

  async function listenForLife() {
    const silence = now() - heardAt, asked = value;
    heardAt = now();
    const alive = await fetch(voxdemo.url('health'), {cache: 'no-store', signal: AbortSignal.timeout(5000)})
      .then((answer) => answer.ok, () => false);
    if (alive || value !== asked) return;
    show({state: 'lost', silence});
    window.dispatchEvent(new Event('voxdemo-lost'));
  }

  // Before a job's own events begin, Gradio's queue writes its place into the probe: "queue: 2/3 | 4.1/25.0s".
  function readPlace(probe) {
    if (!['sent', 'waiting'].includes(value.state)) return;
    const match = /queue:\s*(\d+)\/\d+\s*\|\s*([\d.]+)(?:\/([\d.]+))?s/.exec(probe.textContent);
    if (!match) return;
    const [, place, elapsed, all] = match;
    const key = `${place} ${all}`;
    if (probe.dataset.key === key) return;
    probe.dataset.key = key;
    show({state: 'waiting', ahead: place - 1, seconds: all ? Math.max(0, all - elapsed) : null});
  }

  const probe = document.getElementById(`${id}-probe`);
  new MutationObserver(() => readPlace(probe)).observe(probe, {subtree: true, childList: true, characterData: true});

  watch('value', () => {
    if (!props.value?.state || !(isBusy() || value.state === 'lost')) return;  // a late word of a cancelled job
    show(props.value);
    if (value.state === 'done') player?.play(value);
  });

  voxdemo.cards[id] = {
    isBusy,
    send() { delete probe.dataset.key; said = ''; reached = 0; player?.clear(); show({state: 'sent', seconds: null}); },
    cancel() { if (isBusy()) { player?.clear(); show({state: 'cancelled'}); } },
    fail() { if (isBusy()) { player?.clear(); show({state: 'broken'}); } },
    refuse() { said = ''; player?.clear(); show({state: 'missing'}); },
  };
};
