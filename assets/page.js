// What the parts of the page share: addresses below the page's own, the buttons with their cards, and the keys.
window.voxdemo = {
  cards: {},
  lostAt: 0,  // since when there is no word from the server, in ms of performance.now(); 0 while there is

  // Relative to the page, which may be served below a sub-path, with or without a slash at its end.
  url: (path) => new URL(path, location.origin + location.pathname.replace(/\/?$/, '/')).href,

  fill: (words, values) => words.replace(/{(\w+)}/g, (_, name) => values[name]),

  // By which an error is known, with the reason where its code has several.
  codeOf: ({code, values}) => [code, values?.reason].filter(Boolean).join('.'),

  label(element, words) {
    for (const part of element.querySelectorAll('[data-say]')) part.textContent = words[part.dataset.say];
  },

  seconds: (value) => value < 90 ? `${Math.max(1, Math.round(value))} s` : `${Math.round(value / 60)} min`,

  duration(value) {
    if (value < 59.95) return `${value.toFixed(1)} s`;
    const whole = Math.round(value);
    return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  },

  people: (count) => count === 1 ? '1 person' : `${count} people`,

  // What outlives a reload, in this tab only; a browser may allow none.
  keep(name, value) { try { sessionStorage.setItem(`voxdemo-${name}`, value); } catch { /* then it is lost */ } },
  kept(name) { try { return sessionStorage.getItem(`voxdemo-${name}`) ?? ''; } catch { return ''; } },

  // The seconds of one job that are shown to whoever waits for it. They never leap: more than a fifth of what was shown
  // is added step by step. The server counts down likewise; this is for what rounding to whole seconds makes of it.
  patience() {
    const MOST = 1.2, EVERY_MS = 1000;
    const rounded = (seconds) => seconds < 90 ? Math.max(1, Math.round(seconds)) : Math.round(seconds / 60) * 60;
    let last = null, raisedAt = 0;
    return {
      begin() { last = null; },
      shown(seconds) {
        const most = MOST * rounded(last ?? seconds), step = Math.floor(most);
        if (last === null || rounded(seconds) <= most) return last = seconds;
        if (rounded(step) <= most && step > last && performance.now() - raisedAt > EVERY_MS) {
          last = step;
          raisedAt = performance.now();
        }
        return last;
      },
    };
  },
};

// One sound at a time: whichever starts pauses the one before. `audio` elements come here by themselves.
voxdemo.alone = (() => {
  let sounding = null;
  const play = HTMLMediaElement.prototype.play;
  const alone = (sound) => {
    if (sounding && sounding !== sound) sounding.pause();
    sounding = sound;
  };
  alone.pause = () => sounding?.pause();
  HTMLMediaElement.prototype.play = function begin(...how) {
    if (!this.muted) alone(this);
    return play.apply(this, how);
  };
  return alone;
})();

// Says beside a field of the Speak tab, named as what is asked for, what is wrong with it, until it is changed.
voxdemo.wrong = (() => {
  const FIELDS = {text: '#vx-text', seed: '#vx-seed', control: '#vx-control', prompt_audio: '#vx-prompt', prompt_text: '#vx-prompt-text'};
  return (name, sentence) => {
    const block = name && document.querySelector(FIELDS[name]), field = block?.querySelector('textarea, input');
    if (!field) return;
    const note = block.querySelector('.wrong') ?? block.appendChild(document.createElement('p'));
    Object.assign(note, {className: 'wrong', id: `${block.id}-wrong`, textContent: sentence});
    field.setAttribute('aria-invalid', 'true');
    field.setAttribute('aria-describedby', note.id);
    const settle = () => {
      note.remove();
      field.removeAttribute('aria-invalid');
      field.removeAttribute('aria-describedby');
      for (const name of ['input', 'change', 'click']) window.removeEventListener(name, unsettle, true);
    };
    const unsettle = ({type, target}) => {
      if (type === 'click' ? target.closest?.('#vx-speak, #vx-examples button') : block.contains(target)) settle();
    };
    for (const name of ['input', 'change', 'click']) window.addEventListener(name, unsettle, true);
  };
})();

(() => {
  const byId = (id) => document.getElementById(id);
  const textField = () => document.querySelector('#vx-text textarea');
  const hasNoText = () => !textField().value.trim();
  const hasNoSound = (id) => () => !byId(id)?.querySelector('.waveform-container');
  const runs = [
    {go: 'vx-speak', stop: 'vx-cancel', card: 'vx-card', within: 'vx-in', isMissing: hasNoText, fill: textField},
    {go: 'vx-recognise', stop: 'vx-recognise-cancel', card: 'vx-heard', within: 'vx-hear-in', isMissing: hasNoSound('vx-recording')},
    {go: 'vx-read', stop: 'vx-read-cancel', card: 'vx-reading', isMissing: hasNoSound('vx-prompt')},
    {go: 'vx-new-read', stop: 'vx-new-read-cancel', card: 'vx-new-reading', isMissing: hasNoSound('vx-new-prompt')},
    {stop: 'vx-sample-cancel', card: 'vx-sample'},  // voices.js lets it go
  ];
  const isShown = (id) => byId(id)?.offsetParent && getComputedStyle(byId(id)).visibility === 'visible';

  function go(run, event) {
    const card = voxdemo.cards[run.card];
    if (!card || byId(run.go).disabled) return;
    if (card.isBusy() || card.holds(() => byId(run.go).click())) return event.stopImmediatePropagation();
    if (voxdemo.lostAt) return card.lose();  // Gradio heeds nothing meanwhile
    if (!run.isMissing()) return card.send();
    event.stopImmediatePropagation();
    card.refuse();
    run.fill?.().focus({preventScroll: true});
  }

  function stop(run, event) {
    const card = voxdemo.cards[run.card];
    if (card && !card.stop(() => byId(run.stop).click())) event.stopImmediatePropagation();
    byId(run.go)?.focus();
  }

  // What somebody asks for too much of is refused in HTTP; of that Gradio tells its page only that something failed, and
  // shows to who uploads all of the answer. Meanwhile its own notice is hidden: the card says the same and counts down.
  const NOTICE_MS = 10000;
  const ask = window.fetch.bind(window);
  let noticed = 0;

  // What can't be reached isn't there: whoever it was that asked, the head of the page looks and says so.
  const unreached = (error) => {
    if (error instanceof TypeError) window.dispatchEvent(new Event('voxdemo-lost'));
    throw error;
  };

  window.fetch = async (...request) => {
    const answer = await ask(...request).catch(unreached);
    if (answer.status !== 429) return answer;
    const {detail: message = '', ...told} = await answer.clone().json().catch(() => ({})), error = {message, ...told};
    if (answer.url.includes('/upload')) return Object.assign(new Response(voxdemo.saying(error), {status: 429, headers: answer.headers}), {error});
    for (const {card} of runs) voxdemo.cards[card]?.limit(Number(answer.headers.get('Retry-After')), error);
    document.body.classList.add('vx-told');
    clearTimeout(noticed);
    noticed = setTimeout(() => document.body.classList.remove('vx-told'), NOTICE_MS);
    return answer;
  };

  // Gradio gives each radio button a name of its own, and a new one at every change: by that they would be no group, with
  // one stop of the Tab key and the arrows within. They may come later than the text field, and with another engine again.
  function joinRadios() {
    const join = () => {
      for (const radio of document.querySelectorAll('#vx-kind input')) if (radio.name !== 'vx-kind') radio.name = 'vx-kind';
    };
    const changes = {subtree: true, childList: true, attributes: true, attributeFilter: ['name']};
    new MutationObserver(join).observe(byId('vx-in'), changes);
    join();
  }

  // Gradio's folds say neither that they are folds nor whether they are open, and have their arrow in their name.
  function nameFolds() {
    const name = () => {
      for (const fold of document.querySelectorAll('#vx-more .label-wrap')) {
        const isOpen = String(fold.classList.contains('open'));
        if (fold.getAttribute('aria-expanded') !== isOpen) fold.setAttribute('aria-expanded', isOpen);
        fold.querySelector('.icon')?.setAttribute('aria-hidden', 'true');
      }
    };
    new MutationObserver(name).observe(byId('vx-more'), {subtree: true, childList: true, attributes: true, attributeFilter: ['class']});
    name();
  }

  // The last result of this tab, after a reload.
  async function recall() {
    const {url, text} = JSON.parse(voxdemo.kept('last') || '{}');
    if (!url || text !== textField().value) return;
    const answer = await fetch(voxdemo.url(`${url}.json`), {cache: 'no-store'}).catch(() => null);
    if (answer?.ok) voxdemo.cards['vx-card']?.recall({...await answer.json(), url});
  }
  window.addEventListener('voxdemo-result', ({detail: {card, url}}) => {
    if (card === 'vx-card') voxdemo.keep('last', JSON.stringify({url, text: textField().value}));
  });

  // The first example in the visitor's language, spoken at one click.
  async function hearExample() {
    const all = [...document.querySelectorAll('#vx-examples button')], before = textField().value;
    const mine = all.find((each) => voxdemo.language !== 'en' && each.textContent.trim() === '中文') ?? all[0];
    voxdemo.audioContext();  // in the click
    mine.click();
    while (textField().value === before) await new Promise((wake) => setTimeout(wake, 20));
    byId('vx-speak').click();
  }

  // Gradio loads the page anew when a lost server is back; the text outlives that, in this tab only.
  window.addEventListener('pagehide', () => voxdemo.keep('text', textField().value));
  const waiting = setInterval(() => {
    if (!textField()) return;
    clearInterval(waiting);
    joinRadios();
    nameFolds();
    textField().value ||= voxdemo.kept('text');
    textField().dispatchEvent(new Event('input', {bubbles: true}));
    recall();
  }, 50);

  // In the capture phase of the window, so before Gradio hears of the click.
  window.addEventListener('click', (event) => {
    for (const run of runs) {
      if (event.target.closest?.(`#${run.go}`)) go(run, event);
      if (event.target.closest?.(`#${run.stop}`)) stop(run, event);
    }
    if (event.target.closest?.('#vx-card .example')) hearExample();
    if (voxdemo.lostAt && event.target.closest?.('#vx-recordings button')) voxdemo.cards['vx-heard'].lose();
  }, true);

  document.addEventListener('keydown', (event) => {
    if (!event.isTrusted) return;  // lists.js folds a list by it
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      const run = runs.find(({within}) => within && event.target.closest(`#${within}`));
      if (run) { event.preventDefault(); byId(run.go).click(); }
    }
    if (event.key === 'Escape') {
      const run = runs.find((each) => isShown(each.stop));
      if (run) byId(run.stop).click(); else voxdemo.alone.pause();
    }
  });
})();
