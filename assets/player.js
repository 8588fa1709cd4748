// The finished sound: play and pause, a wave that seeks, the time, the words in step. It knows no queue and no Gradio.
voxdemo.player = (root, words, report) => {
  const BAR = 3, PITCH = 5;  // width of a bar of the wave, and the distance from one to the next, in px
  const STEPS = {ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 5, PageDown: -5};  // seconds
  const find = (selector) => root.querySelector(selector);
  const [audio, play, seek, save, box, canvas] = ['audio', '.play', '.seek', '.save', '.words', '.wave'].map(find);
  const empty = {total: 0, peaks: [], captions: []};
  let sound = empty;

  const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;
  const text = () => document.querySelector('#vx-text textarea')?.value ?? '';
  const made = (tag, className, content) => Object.assign(document.createElement(tag), {className, textContent: content});

  function fileName(spoken) {
    const first = spoken.toLowerCase().match(/[\p{L}\p{N}]+/gu)?.slice(0, 5).join('-').slice(0, 40);
    return `voxdemo-${first || 'speech'}.wav`;
  }

  function draw() {
    const scale = devicePixelRatio, width = canvas.clientWidth, height = canvas.clientHeight;
    if (!width) return;
    canvas.width = width * scale;
    canvas.height = height * scale;
    const pen = canvas.getContext('2d'), style = getComputedStyle(root), count = Math.floor(width / PITCH);
    const [ahead, heard, none] = ['--vx-edge', '--vx-accent', '--vx-edge-soft'].map((name) => style.getPropertyValue(name));
    const reached = sound.total ? audio.currentTime / sound.total : 0, {peaks} = sound;
    pen.scale(scale, scale);
    for (let bar = 0; bar < count; bar++) {
      const from = Math.floor(bar / count * peaks.length), to = Math.max(from + 1, Math.floor((bar + 1) / count * peaks.length));
      const size = Math.max(3, Math.max(0, ...peaks.slice(from, to)) / 100 * height);
      pen.fillStyle = !peaks.length ? none : bar / count < reached ? heard : ahead;
      pen.beginPath();
      pen.roundRect(bar * PITCH, (height - size) / 2, BAR, size, BAR / 2);
      pen.fill();
    }
  }

  function paint() {
    const now = Math.min(audio.currentTime, sound.total), spans = [...box.querySelectorAll('span')];
    find('.time').textContent = `${clock(now)} / ${clock(sound.total)}`;
    seek.value = now;
    seek.setAttribute('aria-valuetext', voxdemo.fill(words.position, {now: clock(now), total: clock(sound.total)}));
    play.setAttribute('aria-label', audio.paused ? words.play : words.pause);
    root.classList.toggle('playing', !audio.paused);
    const current = now > 0 || !audio.paused ? sound.captions.findLastIndex(([start]) => start <= now + 0.05) : -1;
    spans.forEach((span, index) => span.classList.toggle('now', index === current));
    if (spans[current]) keepInView(spans[current]);
    draw();
  }

  // scrollIntoView would scroll the page too.
  function keepInView(span) {
    const top = span.offsetTop - box.offsetTop;
    if (top < box.scrollTop || top + span.offsetHeight > box.scrollTop + box.clientHeight) box.scrollTop = top - 12;
  }

  function follow() {
    paint();
    if (!audio.paused) requestAnimationFrame(follow);
  }

  function enable(isOn) {
    play.disabled = seek.disabled = !isOn;
    root.classList.toggle('filled', isOn);
  }

  async function start() {
    try {
      await audio.play();
    } catch (error) {
      if (error.name === 'NotAllowedError') report('blocked');  // a browser that wants a click for every sound
    }
  }

  play.addEventListener('click', () => audio.paused ? start() : audio.pause());
  seek.addEventListener('input', () => { audio.currentTime = +seek.value; });
  seek.addEventListener('keydown', (event) => {
    if (!STEPS[event.key]) return;
    event.preventDefault();
    audio.currentTime = Math.min(sound.total, Math.max(0, audio.currentTime + STEPS[event.key]));
  });
  audio.addEventListener('play', follow);
  for (const name of ['pause', 'ended', 'seeked', 'timeupdate']) audio.addEventListener(name, paint);
  audio.addEventListener('error', () => { if (audio.getAttribute('src')) { clear(); report('gone'); } });
  new ResizeObserver(draw).observe(canvas);
  new MutationObserver(draw).observe(document.body, {attributes: true, attributeFilter: ['class']});

  function clear() {
    sound = empty;
    audio.pause();
    audio.removeAttribute('src');
    enable(false);
    save.removeAttribute('href');
    find('.facts').textContent = '';
    box.replaceChildren(made('p', 'hint', text()));
    box.scrollTop = 0;
    paint();
  }

  return {
    clear,

    play(result) {
      sound = result;
      const spoken = result.captions.map((caption) => caption[2]).join(' ');
      box.replaceChildren(
        ...result.notes.map((note) => made('p', 'note', note)),
        ...result.captions.map((caption) => made('span', '', `${caption[2]} `)),
      );
      const factor = result.factor.toFixed(result.factor < 0.1 ? 3 : 2);
      find('.facts').textContent = voxdemo.fill(words.facts, {...result, factor});
      audio.preload = 'auto';  // so that it can be moved even when it was paused before it had come
      audio.src = save.href = voxdemo.url(result.url);
      save.download = fileName(spoken);
      seek.max = result.total;
      enable(true);
      paint();
      start();
    },
  };
};
