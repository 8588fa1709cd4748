// This browser's last results: what was asked for and where its sound is, while the server has it. They are kept in
// localStorage, which all tabs of a browser share, and nowhere else.
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

  window.addEventListener('voxdemo-result', ({detail: {card, url, total, seed}}) => {
    if (card !== 'vx-card' || !asked) return;
    const entry = {id: crypto.getRandomValues(new Uint32Array(2)).join('-'), at: Date.now(), url, total, seed, asked};
    change((entries) => [entry, ...entries.filter((each) => each.url !== url)]);
  });
  window.addEventListener('storage', ({key}) => { if (key === KEY || key === null) window.dispatchEvent(new Event('voxdemo-history')); });

  return {
    list,
    press,
    get isKept() { list(); return isKept; },
    remove: (id) => change((entries) => entries.filter((entry) => entry.id !== id)),
    restore: (entry) => change((entries) => [entry, ...entries]),
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
  let chosen = '', wanted = null, removed = null, sureOf = null, turn = 0;

  function say(state, sentence) {
    find('.replay').dataset.state = state;
    find('.replay .say').textContent = sentence;
  }

  function tell(sentence, entry = null) {
    removed = entry;
    find('.told span').textContent = sentence;
    find('.undo').hidden = !entry;
  }

  // What can't be undone is asked for by a second press.
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

  const voiceOf = ({kind, voice}) => kind === kinds.ready && voice ? voice.charAt(0).toUpperCase() + voice.slice(1) : kind;

  function row(entry) {
    const {asked, total, at} = entry, first = asked.text.trim().replace(/\s+/g, ' ').slice(0, SHOWN);
    const pick = button('pick', '', voxdemo.fill(words.pick, {first}), () => replay(entry));
    pick.append(made('b', {textContent: first, translate: false}), made('span', {textContent: voxdemo.duration(total)}),
      made('span', {textContent: voiceOf(asked)}), made('span', {textContent: when(at), translate: false}));
    pick.setAttribute('aria-pressed', entry.id === chosen);
    const item = made('li', {});
    item.append(pick, button('use', words.use, voxdemo.fill(words.useOf, {first}), (pressed) => reuse(entry, pressed)),
      button('remove', words.remove, voxdemo.fill(words.removeOf, {first}), () => remove(entry)));
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
    const answer = await fetch(voxdemo.url(`${entry.url}.json`), {cache: 'no-store'}).catch(() => null);
    const result = answer?.ok ? await answer.json().catch(() => null) : null;
    if (mine !== turn) return;
    if (!result) return say('gone', !answer ? words.unreached : words.gone);
    player.offer({...result, url: entry.url});
    say('done', voxdemo.fill(result.seed == null ? words.heard : words.heardSeed, {total: voxdemo.duration(result.total), seed: result.seed}));
    player.play();
  }

  const written = () => document.querySelector('#vx-text textarea').value.trim();

  function reuse(entry, pressed) {
    const act = () => { wanted = entry.asked; use(); };
    if (written() && !history.list().some(({asked}) => asked.text.trim() === written())) return sure(pressed, words.replace, act);
    act();
  }

  function remove(entry) {
    history.remove(entry.id);
    tell(words.removed, entry);
    find('.undo').focus();
  }

  find('.clear').addEventListener('click', ({currentTarget}) => sure(currentTarget, words.really, () => {
    history.clear();
    tell(words.cleared);
  }));
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
