// The voices as people meet them: those that the engine has ready, with a sample; their own, heard, exported, imported
// and deleted; the form that keeps one; and the picker on the Speak tab, whose voice goes along with what is spoken.
voxdemo.voices = (() => {
  const forms = {}, painters = [];
  const samples = new Map();  // addresses by voice, of what was asked for on this page
  const audio = new Audio();
  let words, limits, shelf, voices = [], trouble = '', sounding = null, address = '';
  let wanted = null, heardLast = -1, chosen = '', clones = false, savedKind = '', say = () => {};

  const made = (tag, className, content = '') => Object.assign(document.createElement(tag), {className, textContent: content});
  const sentenceOf = (error) => error?.isSaid ? error.message : words.broken;
  const byName = (one, other) => one.name.localeCompare(other.name);

  function begin(props) {
    if (shelf) return;
    ({words, limits} = props);
    shelf = voxdemo.shelf(words, limits, props.isOnServer);
    reload();
  }

  async function reload() {
    try {
      voices = (await shelf.list()).sort(byName);
      trouble = '';
    } catch (error) {
      voices = [];
      trouble = sentenceOf(error);
    }
    painters.forEach((paint) => paint());
  }

  function button(className, text, label, act) {
    const each = made('button', className, text);
    each.type = 'button';
    each.setAttribute('aria-label', label);
    each.addEventListener('click', () => act(each));
    return each;
  }

  // -- what is heard; one at a time

  function playButton(text, label, name, act) {
    const each = button('play-one', text, label, () => sounding === each ? hush() : act(each));
    Object.assign(each.dataset, {text, label, name});
    return each;
  }

  function hush() {
    audio.pause();
    if (sounding) {
      sounding.textContent = sounding.dataset.text;
      sounding.setAttribute('aria-label', sounding.dataset.label);
    }
    if (address) URL.revokeObjectURL(address);
    sounding = null;
    address = '';
  }

  async function play(from, url) {
    hush();
    sounding = from;
    from.textContent = words.stop;
    from.setAttribute('aria-label', voxdemo.fill(words.stopOf, from.dataset));
    audio.src = url;
    try {
      await audio.play();
    } catch (error) {
      if (sounding !== from) return;  // another one was pressed
      hush();
      throw error.name === 'NotAllowedError' ? shelf.refusal(words.blocked) : error;
    }
  }

  async function hear(from, voice, tell) {
    try {
      const url = URL.createObjectURL(await shelf.recording(voice));
      const playing = play(from, url);
      address = url;
      await playing;
    } catch (error) {
      tell(sentenceOf(error), true);
      if (error.message === words.gone) reload();
    }
  }

  audio.addEventListener('ended', hush);
  audio.addEventListener('pause', () => { if (audio.paused && !audio.ended) hush(); });  // for another sound

  // -- the engine's voices

  function ready(element, props, watch, ask) {
    begin(props);
    const list = element.querySelector('ul'), none = element.querySelector('.none');
    const languages = new Intl.DisplayNames([voxdemo.language], {type: 'language', languageDisplay: 'standard', style: 'short'});

    function told({language, gender}) {
      const values = {language: language && languages.of(language), gender: words[gender]};
      return language && gender ? voxdemo.fill(words.told, values) : values.language || values.gender || '';
    }

    function row(voice) {
      const item = made('li', 'voice'), what = item.appendChild(made('div', 'what'));
      what.append(made('b', '', voice.title), made('span', '', told(voice)));
      const label = voxdemo.fill(words.sampleOf, {name: voice.title});
      item.append(playButton(words.sample, label, voice.title, (from) => sample(from, voice.name, ask)));
      return item;
    }

    function paint() {
      samples.clear();
      hush();
      list.replaceChildren(...props.value.voices.map(row));
      none.textContent = props.value.voices.length ? '' : props.value.none;
    }

    watch('value', paint);
    paint();
  }

  // Through the line as everybody, unless it was heard on this page before.
  async function sample(from, name, ask) {
    const card = voxdemo.cards['vx-sample'];
    if (!card || card.isBusy()) return;
    if (samples.has(name)) {
      try {
        return await play(from, voxdemo.url(samples.get(name)));
      } catch {
        samples.delete(name);  // it is gone: it is made anew
      }
    }
    if (card.holds(() => sample(from, name, ask))) return;
    if (voxdemo.lostAt) return card.lose();
    wanted = {from, name};
    hush();
    card.send();
    ask();
  }

  function heard(value) {
    if (document.activeElement === document.body) wanted?.from.focus({preventScroll: true});  // Cancel had it
    if (value?.state !== 'done' || value.number === heardLast) return;
    heardLast = value.number;
    samples.set(wanted.name, value.url);
    play(wanted.from, voxdemo.url(value.url)).catch((error) => voxdemo.cards['vx-sample'].deny(sentenceOf(error)));
  }

  // -- one's own

  function own(element, props, watch) {
    begin(props);
    const find = (selector) => element.querySelector(selector);
    const list = find('ul'), file = find('input'), line = find('.say'), undo = find('.undo');
    let removed = null;
    say = (sentence, isWrong = false) => {
      line.textContent = sentence;
      line.classList.toggle('wrong', isWrong);
    };

    function row(voice) {
      const item = made('li', 'voice'), what = item.appendChild(made('div', 'what'));
      what.translate = false;
      what.append(made('b', '', voice.name), made('span', '', [voxdemo.say(voxdemo.duration(voice.seconds)), voice.text].filter(Boolean).join(' · ')));
      item.append(
        playButton(words.play, voxdemo.fill(words.playOf, voice), voice.name, (from) => hear(from, voice, say)),
        button('delete', words.remove, voxdemo.fill(words.removeOf, voice), (from) => remove(from, voice)),
      );
      return item;
    }

    async function remove(from, voice) {
      from.disabled = true;
      try {
        removed = {...voice, audio: await shelf.recording(voice)};
        await shelf.remove(voice);
        undo.hidden = false;
        say(voxdemo.fill(words.removed, voice));
      } catch (error) {
        say(sentenceOf(error), true);
      }
      hush();
      await reload();
      if (!undo.hidden) undo.focus();  // what had it is no longer there
    }

    async function bringBack() {
      if (voices.some(({name}) => name.toLowerCase() === removed.name.toLowerCase())) return say(words.nameTaken, true);
      try {
        await shelf.add(removed);
        undo.hidden = true;
        say('');
      } catch (error) {
        say(sentenceOf(error), true);
      }
      await reload();
      if (undo.hidden) find('.import').focus();
    }

    async function save() {
      try {
        const url = URL.createObjectURL(await shelf.written(voices, shelf.recording));
        Object.assign(document.createElement('a'), {href: url, download: 'voxdemo-voices.json'}).click();
        setTimeout(() => URL.revokeObjectURL(url), 60000);
      } catch (error) {
        say(sentenceOf(error), true);
      }
    }

    async function load() {
      const [chosenFile] = file.files;
      if (!chosenFile) return;
      say(words.importing);
      try {
        const {voices: read, known} = await shelf.read(chosenFile, voices);
        for (const voice of read) await shelf.add(voice);
        const told = [[words.imported, read.map(({name}) => name)], [words.known, known]].filter(([, names]) => names.length);
        say(told.map(([phrase, names]) => voxdemo.fill(phrase, {names: names.join(', ')})).join(' '));
      } catch (error) {
        say(sentenceOf(error), true);
      }
      file.value = '';
      reload();
    }

    function paint() {
      hush();
      list.replaceChildren(...voices.map(row));
      find('.none').textContent = trouble || (voices.length ? '' : words.none);
      find('.export').disabled = !voices.length;
    }

    find('.export').addEventListener('click', save);
    find('.import').addEventListener('click', () => file.click());
    undo.addEventListener('click', bringBack);
    file.addEventListener('change', load);
    watch('value', paint);
    painters.push(paint);
    paint();
  }

  // -- the form that keeps one

  function form(element, props, ask) {
    begin(props);
    const id = element.closest('[id^=vx-]').id;
    const [name, consent, save, line, level] = ['.name input', '.consent input', '.save', '.say', '.level']
      .map((selector) => element.querySelector(selector));
    let isBusy = false;
    forms[id] = {
      name, consent, save,
      get isBusy() { return isBusy; },
      set isBusy(next) { isBusy = next; },
      say(sentence, isWrong = false) {
        line.textContent = sentence;
        line.classList.toggle('wrong', isWrong);
      },
      tell(sentence, isWrong = false) {
        level.textContent = sentence;
        level.classList.toggle('wrong', isWrong);
      },
      clear() {
        name.value = '';
        consent.checked = false;
      },
    };
    save.addEventListener('click', ask);
    for (const field of [name, consent]) field.addEventListener('input', () => forms[id].say(''));
    name.addEventListener('keydown', (event) => { if (event.key === 'Enter') ask(); });
  }

  const blobOf = async (file) => (await fetch(file.url ?? voxdemo.url(`gradio_api/file=${file.path}`))).blob();

  // How long and how loud the recording is that somebody has put into the form's field.
  async function measure(id, file) {
    const one = forms[id];
    if (!one || one.measured === file?.path) return;
    one.measured = file?.path;
    one.tell('');
    if (!file) return voxdemo.cards[id.replace(/form$/, 'reading')]?.rest();  // what was read is gone, too
    one.say('');
    voxdemo.cards[id.replace(/form$/, 'reading')]?.forgive();
    try {
      const {seconds, level, objection} = await shelf.measured(await blobOf(file));
      one.tell(objection || voxdemo.fill(words[level], {seconds: voxdemo.duration(seconds)}), Boolean(objection));
    } catch (error) {
      one.tell(sentenceOf(error), true);
    }
  }

  function lacking(one, file, text) {
    const name = one.name.value.trim().replace(/\s+/g, ' ');
    if (!file) return [words.noRecording];
    if (!name) return [words.noName, one.name];
    if (voices.some((voice) => voice.name.toLowerCase() === name.toLowerCase())) return [words.nameTaken, one.name];
    if (text.length > limits.text) return [voxdemo.fill(words.longText, limits)];
    if (!one.consent.checked) return [words.noConsent, one.consent];
    return voices.length >= limits.most ? [voxdemo.fill(words.full, limits)] : null;
  }

  // Whether it is kept now; if not, the form says why.
  async function keep(id, file, written) {
    const one = forms[id], text = (written ?? '').trim(), missing = lacking(one, file, text);
    if (missing) {
      one.say(missing[0], true);
      missing[1]?.focus();
      return false;
    }
    if (one.isBusy) return false;
    one.isBusy = true;
    const name = one.name.value.trim().replace(/\s+/g, ' ');
    try {
      const sound = await shelf.keepable(await blobOf(file));
      await shelf.add({name, text, consented: new Date().toISOString(), ...sound});
      one.clear();
      one.say(voxdemo.fill(words.kept, {name}));
      await reload();
      return true;
    } catch (error) {
      one.say(sentenceOf(error), true);
      return false;
    } finally {
      one.isBusy = false;
    }
  }

  // -- the picker on the Speak tab

  function picker(element, props, watch) {
    begin(props);
    const find = (selector) => element.querySelector(selector);
    const select = find('select'), line = find('.say');
    savedKind = props.kind;
    voxdemo.takes = (name) => props.value.takes.includes(name);
    const tell = (sentence, isWrong = false) => {
      line.textContent = sentence;
      line.classList.toggle('wrong', isWrong);
    };
    const listen = playButton(words.play, words.playChosen, '', (from) => {
      const voice = picked();
      from.dataset.name = voice.name;
      hear(from, voice, tell);
    });
    find('.row').append(listen);

    function paint() {
      ({clones} = props.value);
      const options = voices.map(({id, name}) => Object.assign(new Option(name, id), {translate: false}));
      select.replaceChildren(...(options.length ? options : [new Option(words.nonePicked, '')]));
      chosen = (picked() ?? voices[0])?.id ?? '';
      select.value = chosen;
      select.disabled = listen.disabled = !voices.length;
      tell(trouble || (voices.length ? '' : words.howToSave));
    }

    select.addEventListener('change', () => {
      chosen = select.value;
      hush();
      tell('');
    });
    watch('value', paint);
    painters.push(paint);
    paint();
  }

  const picked = () => voices.find(({id}) => id === chosen);

  // One that is gone stays gone.
  function choose(id) {
    if (!voices.some((voice) => voice.id === id)) return;
    chosen = id;
    painters.forEach((paint) => paint());
  }

  async function uploaded(blob) {
    const body = new FormData();
    body.append('files', blob, 'voice.wav');
    const answer = await fetch(voxdemo.url('gradio_api/upload'), {method: 'POST', body});
    if (answer.status === 429) throw Object.assign(shelf.refusal(await answer.text()), {wait: Number(answer.headers.get('Retry-After')), told: answer.error});
    if (!answer.ok) throw shelf.refusal(words.noServer);
    const [path] = await answer.json();
    return {path, orig_name: 'voice.wav', mime_type: 'audio/wav', meta: {_type: 'gradio.FileData'}};
  }

  // What Speak sends, with the recording and the words of the saved voice in place of those that were uploaded. Only here
  // does a voice leave the browser.
  async function along(text, kind, voice, prompt, promptText, ...rest) {
    if (kind !== savedKind) return [text, kind, voice, prompt, promptText, ...rest];
    const mine = picked();
    if (!mine || !clones) return [text, kind, voice, null, '', ...rest];
    try {
      return [text, kind, voice, await uploaded(await shelf.recording(mine)), mine.text, ...rest];
    } catch (error) {
      const card = voxdemo.cards['vx-card'];
      if (error.wait) card.limit(error.wait, error.told); else card.deny(sentenceOf(error));
      reload();
      throw error;
    }
  }

  return {ready, heard, own, form, measure, keep, picker, along, choose, picked: () => picked()?.id ?? '', wanted: () => wanted?.name ?? ''};
})();
