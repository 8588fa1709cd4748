// This browser's last results: what was asked for or, of a recording, its transcript, and where the audio is, while the
// server has it. They are kept in localStorage, which all tabs of a browser share, and nowhere else.
voxdemo.history = (() => {
  const KEY = 'voxdemo-history', MOST = 50;
  const unsaved = [];  // where the browser keeps nothing
  const isResult = (entry) => typeof entry?.id === 'string' && typeof entry.url === 'string' && typeof entry.asked?.text === 'string';
  let asked = null, isKept = true;

  function list() {
    try {
      const read = JSON.parse(localStorage.getItem(KEY) ?? '[]');
      return Array.isArray(read) ? read.filter(isResult) : [];
    } catch (error) {
      if (error instanceof SyntaxError) return [];
      isKept = false;
      return unsaved;
    }
  }

  // What was there when it is called, not when the page was drawn: another tab may have changed it. Of too much for the
  // browser the oldest go.
  function change(how) {
    let entries = how(list()).sort((one, other) => other.at - one.at).slice(0, MOST);
    while (isKept) {
      try {
        localStorage.setItem(KEY, JSON.stringify(entries));
        break;
      } catch {
        isKept = entries.length > 1;
        if (isKept) entries = entries.slice(0, -1);
      }
    }
    if (!isKept) unsaved.splice(0, unsaved.length, ...entries);
    window.dispatchEvent(new Event('voxdemo-history'));
  }

  // The settings are those at the press of Speak. A recording can't be kept.
  function press(names, values) {
    const told = names.map((name, index) => [name, values[index]]).filter(([name]) => name !== 'prompt');
    asked = {...Object.fromEntries(told), saved: voxdemo.voices.picked()};
  }

  // The server has a summary of what it spoke, but none of a recording.
  window.addEventListener('voxdemo-result', ({detail: {card, url, total, seed, text, captions, peaks}}) => {
    const told = card === 'vx-heard' ? {asked: {text}, heard: {captions, peaks}} : card === 'vx-card' && asked ? {seed, asked} : null;
    if (!told) return;
    const entry = {id: crypto.getRandomValues(new Uint32Array(2)).join('-'), at: Date.now(), url, total, ...told};
    change((entries) => [entry, ...entries.filter((each) => each.url !== url)]);
  });
  window.addEventListener('storage', ({key}) => { if (key === KEY || key === null) window.dispatchEvent(new Event('voxdemo-history')); });

  return {
    list,
    press,
    get isKept() { list(); return isKept; },
    remove: (id) => change((entries) => entries.filter((entry) => entry.id !== id)),
    restore: (removed) => change((entries) => [...removed, ...entries]),
    clear: () => change(() => []),
  };
})();

voxdemo.historyTab = (element, {words, names, kinds, rate}, use) => {
  const SHOWN = 90, SURE_MS = 4000;
  const find = (selector) => element.querySelector(selector);
  const {history} = voxdemo;
  const made = (tag, values) => Object.assign(document.createElement(tag), values);
  const when = (at) => new Intl.DateTimeFormat(voxdemo.language, {dateStyle: 'medium', timeStyle: 'short'}).format(at);
  const player = voxdemo.player(find('.player'), {words, rate, text: ''}, (what) => { if (what === 'gone') say('gone', words.gone); });
  let chosen = '', wanted = null, removed = [], sureOf = null, turn = 0;

  function say(state, sentence) {
    find('.replay').dataset.state = state;
    find('.replay .say').textContent = sentence;
  }

  function tell(sentence, entries = []) {
    removed = entries;
    find('.told span').textContent = sentence;
    find('.undo').hidden = !entries.length;
    if (entries.length) find('.undo').focus();
  }

  // What would take the place of something written is asked for by a second press.
  function sure(button, question, act) {
    if (sureOf === button) {
      sureOf = null;
      return act();
    }
    const before = button.textContent;
    sureOf = button;
    button.textContent = question;
    setTimeout(() => {
      if (sureOf === button) sureOf = null;
      button.textContent = before;
    }, SURE_MS);
  }

  function button(className, textContent, label, act) {
    const each = made('button', {type: 'button', className, textContent});
    each.setAttribute('aria-label', label);
    each.addEventListener('click', () => act(each));
    return each;
  }

  const voiceOf = ({kind = words.transcript, voice}) => kind === kinds.ready && voice ? voice.charAt(0).toUpperCase() + voice.slice(1) : kind;

  function row(entry) {
    const {asked, total, at} = entry, first = asked.text.trim().replace(/\s+/g, ' ').slice(0, SHOWN);
    const pick = button('pick', '', voxdemo.fill(words.pick, {first}), () => replay(entry));
    pick.append(made('b', {textContent: first, translate: false}), made('span', {textContent: voxdemo.duration(total)}),
      made('span', {textContent: voiceOf(asked)}), made('span', {textContent: when(at), translate: false}));
    pick.setAttribute('aria-pressed', entry.id === chosen);
    const item = made('li', {});
    const use = entry.heard ? button('use', words.copy, voxdemo.fill(words.copyOf, {first}), (pressed) => copy(entry, pressed))
      : button('use', words.use, voxdemo.fill(words.useOf, {first}), (pressed) => reuse(entry, pressed));
    item.append(pick, use, button('remove', words.remove, voxdemo.fill(words.removeOf, {first}), () => remove(entry)));
    return item;
  }

  function paint() {
    const entries = history.list();
    find('ol').replaceChildren(...entries.map(row));
    find('.clear').hidden = !entries.length;
    find('.where').textContent = !entries.length ? words.none : history.isKept ? words.where : words.unkept;
    if (chosen && !entries.some((entry) => entry.id === chosen)) forget();
  }

  function forget() {
    chosen = '';
    turn += 1;
    player.clear();
    say('idle', words.choose);
  }

  async function replay(entry) {
    const mine = turn += 1;
    chosen = entry.id;
    for (const each of element.querySelectorAll('.pick')) each.setAttribute('aria-pressed', 'false');
    element.querySelectorAll('.pick')[history.list().findIndex((each) => each.id === entry.id)]?.setAttribute('aria-pressed', 'true');
    player.clear();
    say('sent', words.fetching);
    const ending = entry.heard ? 'srt' : 'json';
    const answer = await fetch(voxdemo.url(`${entry.url}.${ending}`), {cache: 'no-store'}).catch(() => null);
    const result = !answer?.ok ? null : entry.heard ? {...entry.heard, total: entry.total} : await answer.json().catch(() => null);
    if (mine !== turn) return;
    if (!result) return say('gone', !answer ? words.unreached : entry.heard ? words.goneRecording : words.gone);
    player.offer({...result, url: entry.url});
    const said = entry.heard ? words.recording : result.seed == null ? words.heard : words.heardSeed;
    say('done', voxdemo.fill(said, {total: voxdemo.duration(result.total), seed: result.seed}));
    player.play();
  }

  async function copy({asked}, pressed) {
    const isCopied = await navigator.clipboard.writeText(asked.text).then(() => true, () => false);  // only over https
    pressed.textContent = isCopied ? words.copied : words.copy;
    if (!isCopied) tell(words.uncopied);
  }

  const written = () => document.querySelector('#vx-text textarea').value.trim();

  function reuse(entry, pressed) {
    const act = () => { wanted = entry.asked; use(); };
    if (written() && !history.list().some(({asked}) => asked.text.trim() === written())) return sure(pressed, words.replace, act);
    act();
  }

  function remove(entry) {
    history.remove(entry.id);
    tell(words.removed, [entry]);
  }

  find('.clear').addEventListener('click', () => {
    const all = history.list();
    history.clear();
    tell(words.cleared, all);
  });
  find('.undo').addEventListener('click', () => {
    history.restore(removed);
    tell('');
  });
  window.addEventListener('voxdemo-history', paint);
  say('idle', words.choose);
  paint();

  // The Speak tab's values, with those that were asked for; its recording stays what it is now.
  voxdemo.historyTab.used = (values) => {
    const text = document.querySelector('#vx-text textarea'), tab = document.querySelector('#vx-tabs [role=tab]');
    const focus = () => text.offsetParent ? text.focus() : requestAnimationFrame(focus);
    voxdemo.voices.choose(wanted?.saved);
    setTimeout(() => {
      tab.click();
      focus();
    });
    return names.map((name, index) => wanted && name in wanted && voxdemo.takes(name) ? wanted[name] : values[index]);
  };
};
