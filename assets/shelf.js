// One's own voices where they are kept: in this browser or, for who has logged in, on the server; and as files that are
// exported and imported. A voice is {id, name, text, seconds, consented}; its recording is a wav file. It knows nothing
// of what people see; what it throws with `isSaid` is a sentence for them.
voxdemo.shelf = (words, limits, isOnServer) => {
  const FORMAT = 'voxdemo voices 1';
  const DATABASE = 'voxdemo-voices', STORE = 'voices';
  const RATE = 48000, FRAME_S = 0.05, ROUNDED_S = 0.05;
  const SILENT_PEAK = 0.005, QUIET_RMS = 0.01, FULL = 0.995, CLIPPED_SHARE = 0.001;
  const MOST_BYTES = 64e6;  // of a recording as somebody has it: 30 s are far less in any format
  const MOST_EXPORTED_BYTES = 400e6;  // `limits.most` of the longest are 200 MB
  const KEYS = ['name', 'text', 'consented', 'audio'];

  const refusal = (sentence) => Object.assign(new Error(sentence), {isSaid: true});
  const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(8)), (each) => each.toString(16).padStart(2, '0')).join('');

  // -- in the browser

  const done = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

  function opened() {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, {keyPath: 'id'});
    return done(request);
  }

  async function within(mode, act) {
    let database;
    try {
      database = await opened();
    } catch {
      throw refusal(words.noStorage);
    }
    try {
      const change = database.transaction(STORE, mode);
      const over = new Promise((resolve, reject) => { change.oncomplete = resolve; change.onabort = () => reject(change.error); });
      const [result] = await Promise.all([done(act(change.objectStore(STORE))), over]);
      return result;
    } catch (error) {
      throw error?.name === 'QuotaExceededError' ? refusal(words.noRoom) : error;
    } finally {
      database.close();
    }
  }

  const inBrowser = {
    list: () => within('readonly', (store) => store.getAll()),
    add: (voice) => within('readwrite', (store) => store.add({id: newId(), ...voice})),
    remove: (voice) => within('readwrite', (store) => store.delete(voice.id)),
    async recording(voice) {
      const kept = await within('readonly', (store) => store.get(voice.id));
      if (!kept) throw refusal(words.gone);
      return kept.audio;
    },
  };

  // -- on the server

  async function asked(path, options) {
    const answer = await fetch(voxdemo.url(path), {cache: 'no-store', ...options}).catch(() => { throw refusal(words.noServer); });
    if (answer.ok) return answer;
    const {error: message, ...told} = await answer.json().catch(() => ({}));
    throw refusal(message ? voxdemo.saying({message, ...told}) : words.noServer);
  }

  const onServer = {
    list: async () => (await (await asked('voices')).json()).voices,
    async add({audio, ...voice}) {
      const body = JSON.stringify({...voice, audio: await base64(audio)});
      await asked('voices', {method: 'POST', headers: {'Content-Type': 'application/json'}, body});
    },
    remove: (voice) => asked(`voices/${voice.id}`, {method: 'DELETE'}),
    recording: async (voice) => (await asked(`voices/${voice.id}`)).blob(),
  };

  // -- recordings

  const base64 = (blob) => new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(',') + 1));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });

  async function samplesOf(blob) {
    if (blob.size > MOST_BYTES) throw refusal(words.notSound);
    try {
      const sound = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(await blob.arrayBuffer());
      const channels = Array.from({length: sound.numberOfChannels}, (_, index) => sound.getChannelData(index));
      return channels.length === 1 ? channels[0]
        : channels[0].map((_, at) => channels.reduce((sum, channel) => sum + channel[at], 0) / channels.length);
    } catch {
      throw refusal(words.notSound);
    }
  }

  // The loudness of the louder parts: pauses say nothing of how near somebody is to the microphone.
  function levelOf(samples) {
    let peak = 0, full = 0;
    for (const sample of samples) {
      peak = Math.max(peak, Math.abs(sample));
      if (Math.abs(sample) >= FULL) full += 1;
    }
    if (peak < SILENT_PEAK) return 'silent';
    if (full > CLIPPED_SHARE * samples.length) return 'clipped';
    const length = Math.round(FRAME_S * RATE), frames = [];
    for (let at = 0; at + length <= samples.length; at += length) {
      frames.push(Math.sqrt(samples.subarray(at, at + length).reduce((sum, sample) => sum + sample * sample, 0) / length));
    }
    const loud = frames.sort((one, other) => other - one)[Math.floor(frames.length / 10)] ?? 0;
    return loud < QUIET_RMS ? 'quiet' : 'good';
  }

  function wavOf(samples) {
    const head = new DataView(new ArrayBuffer(44)), sound = new DataView(new ArrayBuffer(2 * samples.length));
    const write = (at, letters) => [...letters].forEach((letter, index) => head.setUint8(at + index, letter.charCodeAt(0)));
    write(0, 'RIFF'); head.setUint32(4, 36 + sound.byteLength, true); write(8, 'WAVEfmt ');
    head.setUint32(16, 16, true); head.setUint16(20, 1, true); head.setUint16(22, 1, true);
    head.setUint32(24, RATE, true); head.setUint32(28, 2 * RATE, true);
    head.setUint16(32, 2, true); head.setUint16(34, 16, true); write(36, 'data'); head.setUint32(40, sound.byteLength, true);
    samples.forEach((sample, at) => sound.setInt16(2 * at, Math.round(32767 * Math.max(-1, Math.min(1, sample))), true));
    return new Blob([head, sound], {type: 'audio/wav'});
  }

  // As it is kept, which leaves nothing of a file but its sound: {seconds, level, objection, wav()}.
  async function measured(blob) {
    const samples = await samplesOf(blob), seconds = samples.length / RATE, level = levelOf(samples);
    const told = {...limits, seconds: voxdemo.duration(seconds)};
    const objection = seconds < limits.least_s - ROUNDED_S ? voxdemo.fill(words.tooShort, told)
      : seconds > limits.longest_s + ROUNDED_S ? voxdemo.fill(words.tooLong, told)
        : level === 'silent' ? words.silent : '';
    return {seconds, level, objection, wav: () => wavOf(samples)};
  }

  async function keepable(blob) {
    const sound = await measured(blob);
    if (sound.objection) throw refusal(sound.objection);
    return {audio: sound.wav(), seconds: sound.seconds};
  }

  // -- files

  function freeName(name, taken) {
    if (!taken.has(name.toLowerCase())) return name;
    for (let number = 2; ; number += 1) {
      const next = `${name.slice(0, limits.name - 4)} ${number}`;
      if (!taken.has(next.toLowerCase())) return next;
    }
  }

  async function written(voices, recording) {
    const all = [];
    for (const {name, text, consented, ...rest} of voices) {
      all.push({name, text, consented, audio: await base64(await recording({name, ...rest}))});
    }
    return new Blob([JSON.stringify({format: FORMAT, voices: all})], {type: 'application/json'});
  }

  function isVoice(each) {
    return each && typeof each === 'object' && KEYS.every((key) => typeof each[key] === 'string')
      && each.name.trim() && each.name.length <= limits.name && each.text.length <= limits.text
      && each.consented && each.consented.length <= limits.name;
  }

  // {voices, known}: those that are new here, and the names of those that are kept already. All of it is looked at before
  // anything of it is kept.
  async function read(file, kept) {
    const notOne = refusal(words.notAFile);
    if (file.size > MOST_EXPORTED_BYTES) throw notOne;
    let told;
    try { told = JSON.parse(await file.text()); } catch { throw notOne; }
    if (told?.format !== FORMAT || !Array.isArray(told.voices) || !told.voices.length || !told.voices.every(isVoice)) throw notOne;
    if (told.voices.length > limits.most) throw notOne;
    const taken = new Set(kept.map(({name}) => name.toLowerCase())), voices = [], known = [];
    for (const {name, text, consented, audio} of told.voices) {
      let bytes;
      try { bytes = Uint8Array.from(atob(audio), (each) => each.charCodeAt(0)); } catch { throw notOne; }
      const sound = await keepable(new Blob([bytes])).catch(() => { throw refusal(voxdemo.fill(words.badSound, {...limits, name})); });
      if (kept.some((each) => each.name === name.trim() && each.text === text && Math.abs(each.seconds - sound.seconds) < ROUNDED_S)) {
        known.push(name.trim());
        continue;
      }
      const free = freeName(name.trim(), taken);
      taken.add(free.toLowerCase());
      voices.push({name: free, text, consented, ...sound});
    }
    if (voices.length && kept.length + voices.length > limits.most) throw refusal(voxdemo.fill(words.full, limits));
    return {voices, known};
  }

  return {...(isOnServer ? onServer : inBrowser), measured, keepable, written, read, refusal};
};
