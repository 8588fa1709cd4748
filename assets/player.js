// The sound of a job as people meet it: heard while it is made (live.js), then from its file; a wave that seeks, the
// time, the words in step, what can be downloaded. It knows no queue and no Gradio.
//
// `report` is called when there is something to tell that isn't the server's: 'changed', or 'gone'.
voxdemo.player = (root, {words, rate, text}, report) => {
  const BAR = 3, PITCH = 5;  // width of a bar of the wave, and the distance from one to the next, in px
  const BARS_PER_S = 10;  // of a wave that isn't whole yet
  const STEPS = {ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 5, PageDown: -5};  // seconds
  const WRITE_EVERY_MS = 250;
  const MOST_SKIPPED = 40;  // characters that a caption may leave out of the text
  const NO_PLACE_S = 0.1;
  const ORDER_MS = 12000;  // for the server to put in order what was spoken before a Stop
  const SMALL_UP_TO_S = 60;  // so long a sound is played from a small file, made at once; a longer one takes a while to make
  const FILE_STARTS_IN_S = 0.06;  // what an audio element takes from play() to its first sound
  const find = (selector) => root.querySelector(selector);
  const [audio, play, seek, box, canvas, keep] = ['audio', '.play', '.seek', '.words', '.wave', '.keep'].map(find);
  const links = [...root.querySelectorAll('[data-ending]')];
  const unknown = {total: null, left: () => null};
  const empty = {total: 0, peaks: [], captions: [], notes: []};
  let sound = empty, asked = '', live = null, token = '', outlook = unknown, isWhole = false, isBlocked = false, turn = 0;
  let pressedAt = 0, waited = null, result = null, wasAsked = false;  // `waited` ms from the press to the first sound
  let spans = [], marked = -1, spoken = -1, written = '', writtenAt = 0, following = 0;

  const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;
  const wholeClock = (seconds) => clock(Math.round(seconds));
  const small = audio.canPlayType('audio/ogg; codecs=opus') ? 'opus' : 'mp3';
  const alone = {pause: () => { if (isPlaying()) toggle(); }};  // the sound of this player while it is live
  const made = (tag, className, content) => Object.assign(document.createElement(tag), {className, textContent: content});
  const sleep = (ms) => new Promise((wake) => setTimeout(wake, ms));
  const heardOf = (event) => new Promise((wake) => audio.addEventListener(event, wake, {once: true}));
  const now = () => Math.min(live ? live.position() : audio.currentTime, Math.max(sound.total, live?.received ?? 0));
  const isPlaying = () => live ? live.received > 0 && !live.isPaused && !live.isBlocked : !audio.paused;

  // The text in pieces, [words, index of their caption or -1]. Where the captions are found in the text that was asked
  // for, it keeps its line breaks, and what is still to come stays in its place.
  function inPieces(captions) {
    const pieces = [];
    let at = 0;
    for (const [index, [, , caption]] of captions.entries()) {
      const start = at + asked.slice(at).search(/\S|$/), end = endOf(caption, start);
      if (!end) return captions.map(([, , words], each) => [`${words} `, each]);
      pieces.push([asked.slice(at, start), -1], [asked.slice(start, end), index]);
      at = end;
    }
    return [...pieces, [asked.slice(at), -1]].filter(([words]) => words);
  }

  function endOf(caption, from) {
    let at = from, skipped = 0;
    for (const character of caption.replace(/\s/g, '')) {
      while (at < asked.length && asked[at] !== character[0]) {
        if (/\S/.test(asked[at]) && ++skipped > MOST_SKIPPED) return 0;
        at += 1;
      }
      if (at >= asked.length) return 0;
      at += character.length;
    }
    return at;
  }

  function write() {
    const key = JSON.stringify([sound.notes, sound.captions, asked.length]);
    if (key === written) return;
    written = key;
    writtenAt = performance.now();
    const pieces = inPieces(sound.captions).map(([content, index]) => [made('span', index < 0 ? 'later' : '', content), index]);
    spans = pieces.filter(([, index]) => index >= 0).map(([span]) => span);
    spans.forEach((span, index) => { span.dataset.index = index; });
    const top = box.scrollTop;
    box.translate = false;  // but for the notes it is what people wrote
    box.replaceChildren(...sound.notes.map((note) => made('p', 'note', note.code ? voxdemo.saying(note) : voxdemo.say(note))), ...pieces.map(([span]) => span));
    box.scrollTop = top;
    box.tabIndex = 0;
    marked = spoken = -1;
  }

  function mark() {
    const at = now(), started = at > 0 || (live ? live.isHeard : !audio.paused);
    const current = started ? sound.captions.findLastIndex(([start]) => start <= at + 0.05) : -1;
    const reached = live && !isWhole ? sound.captions.filter(([start]) => start < live.received).length : spans.length;
    if (reached !== spoken) spans.forEach((span, index) => span.classList.toggle('later', index >= reached));
    spoken = reached;
    if (current === marked) return;
    spans[marked]?.classList.remove('now');
    spans[current]?.classList.add('now');
    marked = current;
    if (spans[current]) keepInView(spans[current]);
  }

  // scrollIntoView would scroll the page too.
  function keepInView(span) {
    const top = span.offsetTop - box.offsetTop;
    if (top < box.scrollTop || top + span.offsetHeight > box.scrollTop + box.clientHeight) box.scrollTop = top - 12;
  }

  function draw() {
    const scale = devicePixelRatio, width = canvas.clientWidth, height = canvas.clientHeight;
    if (!width) return;
    canvas.width = width * scale;
    canvas.height = height * scale;
    const pen = canvas.getContext('2d'), style = getComputedStyle(root), count = Math.floor(width / PITCH);
    const [ahead, heard, none] = ['--vx-edge', '--vx-accent', '--vx-edge-soft'].map((name) => style.getPropertyValue(name));
    const {peaks, total} = sound, all = sound.isDrawn ? peaks.length : Math.max(peaks.length, total * BARS_PER_S);
    const reached = total ? now() / total : 0;
    pen.scale(scale, scale);
    for (let bar = 0; bar < count; bar++) {
      const from = Math.floor(bar / count * all), to = Math.max(from + 1, Math.floor((bar + 1) / count * all));
      const size = Math.max(3, Math.max(0, ...peaks.slice(from, to)) / 100 * height);
      pen.fillStyle = from >= peaks.length ? none : bar / count < reached ? heard : ahead;
      pen.beginPath();
      pen.roundRect(bar * PITCH, (height - size) / 2, BAR, size, BAR / 2);
      pen.fill();
    }
  }

  function paint() {
    const at = now(), playing = isPlaying(), label = playing ? words.pause : words.play;
    const isAtEnd = isWhole && at > sound.total - NO_PLACE_S;
    const total = isWhole || !live ? wholeClock(sound.total) : `≈ ${voxdemo.say(voxdemo.seconds(sound.total))}`;
    const times = {now: isAtEnd ? total : clock(at), total};
    find('.time').textContent = `${times.now} / ${times.total}`;
    seek.max = sound.total || 1;
    seek.value = at;
    seek.setAttribute('aria-valuetext', voxdemo.fill(words.position, times));
    if (play.getAttribute('aria-label') !== label) play.setAttribute('aria-label', label);
    root.classList.toggle('playing', playing);
    mark();
    draw();
  }

  // While there is sound, and while more of it comes.
  function follow() {
    cancelAnimationFrame(following);
    if (live) followLive();
    paint();
    if ((live && !(live.isOver && !live.isHeard)) || !audio.paused) following = requestAnimationFrame(follow);
  }

  function followLive() {
    if (!isWhole) sound.total = Math.max(outlook.total ?? 0, live.received);
    if (performance.now() - writtenAt > WRITE_EVERY_MS) write();
    enable(live.received > 0, isWhole);
    if (live.hasBegun()) root.closest('.card').dataset.firstSound = Math.round(live.firstSound);
    if (live.isHeard) noteFirst();
    root.closest('.card').dataset.gaps = Math.round(live.gap);
    if (live.isBlocked !== isBlocked) setBlocked(live.isBlocked);
  }

  // How long it was from the press to the first sound.
  function noteFirst() {
    if (waited !== null || !pressedAt) return;
    waited = performance.now() - pressedAt;
    if (result) tellFacts();
  }

  function enable(isPlayable, isSeekable) {
    play.disabled = !isPlayable;
    seek.disabled = !isSeekable;
    root.classList.toggle('audible', isPlayable);
    root.classList.toggle('filled', isSeekable);
  }

  function setBlocked(next) {
    isBlocked = next;
    report('changed');
  }

  async function start() {
    wasAsked = true;
    try {
      await audio.play();
    } catch (error) {
      if (error.name === 'NotAllowedError') setBlocked(true);  // a browser that wants a click for every sound
    }
  }

  function toggle() {
    setBlocked(false);
    if (!live) return audio.paused ? start() : audio.pause();
    if (isPlaying()) live.pause(); else {
      voxdemo.alone(alone);
      live.resume();
    }
    if (isWhole) toFile(live.position(), !live.isPaused);
    paint();
  }

  function seekTo(seconds, goesOn = isPlaying()) {
    const at = Math.min(sound.total, Math.max(0, seconds));
    if (live) toFile(at, goesOn); else audio.currentTime = at;
    if (goesOn && audio.paused) start();
    paint();
  }

  // From the sound that was heard while it was made to the file, at this position.
  function toFile(at, goesOn) {
    live?.close();
    live = null;
    if (Math.abs(audio.currentTime - at) > 0.01) audio.currentTime = at;
    if (goesOn && at < sound.total - NO_PLACE_S) start();
    paint();
  }

  // A small file that can't be had is made up for by the whole one.
  function failed() {
    if (!isWhole || !audio.getAttribute('src')) return;
    if (audio.src !== voxdemo.url(result.url)) {
      const at = audio.currentTime;
      audio.src = voxdemo.url(result.url);
      audio.currentTime = at;
      if (wasAsked) start();
      return;
    }
    clear();
    report('gone');
  }

  // In the next silence, where nobody hears it; where there is none, what is there is heard to its end.
  async function handOver() {
    const mine = live;
    while (live === mine) {
      const at = mine.nextPause() ?? (mine.isOver ? mine.received : null);
      if (at === null) {
        await sleep(300);
        continue;
      }
      audio.currentTime = at;
      if (audio.seeking || audio.readyState < HTMLMediaElement.HAVE_FUTURE_DATA) {
        await Promise.race([heardOf('seeked'), heardOf('canplay'), sleep(3000)]);
      }
      if (live !== mine) return;
      if (mine.position() > at - NO_PLACE_S && at < mine.received) continue;
      await mine.playTo(at < mine.received ? at - FILE_STARTS_IN_S : at);
      if (live === mine) toFile(at, true);
    }
  }

  function fileName(ending) {
    const line = (asked || sound.captions.map((caption) => caption[2]).join(' ')).toLowerCase();
    const first = line.match(/[\p{L}\p{N}]+/gu)?.slice(0, 5).join('-').slice(0, 40);
    return `voxdemo-${first || 'speech'}.${ending}`;
  }

  function load(url) {
    audio.preload = 'auto';  // so that it can be moved even when it was paused before it had come
    audio.src = voxdemo.url(sound.total <= SMALL_UP_TO_S && find('.downloads [data-ending=wav]') ? `${url}.${small}` : url);
    for (const link of links) {
      const {ending} = link.dataset;
      link.href = voxdemo.url(ending === 'wav' ? url : `${url}.${ending}`);
      link.download = fileName(ending);
    }
  }

  function tellFacts() {
    const {factor, cached, seed} = result, told = [];
    if (factor != null) told.push(voxdemo.fill(cached ? words.cachedFacts : words.facts, {factor: factor.toFixed(factor < 0.1 ? 3 : 2)}));
    if (waited !== null) told.push(voxdemo.fill(words.first, {first: (waited / 1000).toFixed(2)}));
    if (seed != null) told.push(voxdemo.fill(words.seed, {seed}));
    find('.figures').replaceChildren(...told.map((each) => made('span', '', each)));
    root.classList.toggle('counted', told.length > 0);
    root.classList.toggle('seeded', seed != null);  // another seed would make another take
    Object.assign(keep, {textContent: words.keep, disabled: false});
    keep.dataset.seed = seed;
  }

  function clear() {
    turn += 1;
    live?.close();
    live = null;
    token = '';
    outlook = unknown;
    isWhole = isBlocked = false;
    sound = {...empty, captions: [], notes: []};
    asked = (text && document.querySelector(text)?.value) || '';
    audio.pause();
    audio.removeAttribute('src');
    enable(false, false);
    for (const link of links) link.removeAttribute('href');
    result = waited = null;
    wasAsked = false;
    root.classList.remove('counted', 'seeded');
    find('.downloads details')?.removeAttribute('open');
    delete root.closest('.card').dataset.firstSound;
    delete root.closest('.card').dataset.gaps;
    box.translate = !asked;
    box.replaceChildren(made('p', 'hint', asked || voxdemo.say(words.hint)));
    box.scrollTop = 0;
    box.tabIndex = asked ? 0 : -1;
    spans = [];
    written = '';
    marked = -1;
    paint();
  }

  function show(next) {
    isWhole = true;
    result = next;
    sound = {...empty, ...result, isDrawn: true};
    write();
    load(result.url);
    enable(true, true);
    if (find('.facts')) tellFacts();
  }

  // What was spoken before a Stop, once the server has put it in order.
  async function keepStopped(stopped, url, mine) {
    stopped.pause();
    const at = stopped.position();
    const kept = await fetch(voxdemo.url(`${url}.json`), {cache: 'no-store', signal: AbortSignal.timeout(ORDER_MS)})
      .then((answer) => answer.ok ? answer.json() : null, () => null);
    if (mine !== turn) return null;
    if (!kept) {
      clear();
      return null;
    }
    stopped.close();
    live = null;
    show({...kept, url});
    audio.currentTime = at;
    paint();
    return {...kept, url};
  }

  play.addEventListener('click', toggle);
  seek.addEventListener('input', () => seekTo(+seek.value));
  seek.addEventListener('keydown', (event) => {
    if (!STEPS[event.key]) return;
    event.preventDefault();
    seekTo(now() + STEPS[event.key]);
  });
  box.addEventListener('click', ({target}) => {
    const caption = sound.captions[target.dataset?.index];
    if (isWhole && caption && getSelection().isCollapsed) seekTo(caption[0], true);
  });
  box.addEventListener('keydown', (event) => {
    const by = {ArrowRight: 1, ArrowLeft: -1}[event.key], caption = by && sound.captions[Math.max(0, marked + by)];
    if (!isWhole || !caption || event.target !== box) return;
    event.preventDefault();
    seekTo(caption[0]);
  });
  root.addEventListener('click', ({target}) => {
    if (target.matches('[data-ending]')) target.closest('details')?.removeAttribute('open');
  });
  for (const menu of root.querySelectorAll('.foot details')) {
    document.addEventListener('click', ({target}) => { if (!menu.contains(target)) menu.removeAttribute('open'); });
    menu.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || !menu.open) return;
      event.stopPropagation();
      menu.removeAttribute('open');
      menu.querySelector('summary').focus();
    });
  }
  find('.pace').addEventListener('change', ({target}) => {
    audio.defaultPlaybackRate = audio.playbackRate = +target.value;
    if (live && isWhole) toFile(live.position(), isPlaying());
  });
  find('.volume').addEventListener('input', ({target}) => {
    audio.volume = +target.value;
    voxdemo.volume(+target.value);
  });
  audio.addEventListener('play', follow);
  audio.addEventListener('playing', noteFirst);
  for (const name of ['pause', 'ended', 'seeked', 'timeupdate']) audio.addEventListener(name, paint);
  audio.addEventListener('error', failed);
  new ResizeObserver(draw).observe(canvas);
  new MutationObserver(draw).observe(document.body, {attributes: true, attributeFilter: ['class']});

  return {
    clear,
    get isBlocked() { return isBlocked; },
    get wait() { return live?.wait ?? null; },
    get isLive() { return live !== null; },

    // In the click that asks for a sound: without one, browsers play none.
    prepare() {
      pressedAt = performance.now();
      voxdemo.audioContext(rate);
    },

    // While it is spoken: begins to listen, and is told how the work goes on.
    hear(value) {
      const told = performance.now();
      const left = () => value.left == null ? null : Math.max(0, value.left - (performance.now() - told) / 1000);
      outlook = {total: value.total, left};
      if (!value.sound || value.sound === token) return;
      token = value.sound;
      live = voxdemo.live(voxdemo.url(`live/${token}`), () => ({total: outlook.total, left: outlook.left()}));
      sound = {...empty, captions: live.captions, peaks: live.peaks};
      voxdemo.alone(alone);
      follow();
    },

    // When it is finished.
    finish(next) {
      show(next);
      if (live?.isHeard && !live.isPaused && !live.isBlocked) return handOver();
      toFile(live ? live.position() : 0, !live?.isPaused);
    },

    // A recording: it waits for its Play.
    offer(next) {
      pressedAt = 0;
      show(next);
      paint();
    },

    // Starts it, in or soon after a click.
    play: start,

    // Ends it and keeps what there is: that result, or null where nothing was spoken yet.
    async stop() {
      if (!live) return null;
      turn += 1;
      return keepStopped(live, `speech/${token}`, turn);
    },
  };
};
