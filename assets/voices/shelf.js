// One's own voices where they are kept: in this browser or, for people who have logged in, on the server. A voice is {id,
// name, text, seconds, consented}; its recording is a wav file. What is thrown with `isSaid` is a sentence for people, with
// its code for programs.
import {saying} from '../shell/phrases.js';
import {answerOf, UNREACHED} from '../shell/server.js';
import {newId} from '../shell/state.js';

const DATABASE = 'voxdemo-voices', STORE = 'voices';

export const GONE = 'not_found';
export const VOICE_GONE = "This voice no longer exists. Choose another one.";
const NO_STORAGE = "This browser doesn't store data for this page, as in a private window. Voices can't be saved.";
const NO_ROOM = "This browser has no space left for this page. Delete a voice first.";
export const refusal = (sentence, code = '') => Object.assign(new Error(sentence), {isSaid: true, code});

export const base64 = (blob) => new Promise((resolve, reject) => {
  const reader = new FileReader();
  reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(',') + 1));
  reader.onerror = () => reject(reader.error);
  reader.readAsDataURL(blob);
});

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
    throw refusal(NO_STORAGE);
  }
  try {
    const change = database.transaction(STORE, mode);
    const over = new Promise((resolve, reject) => { change.oncomplete = resolve; change.onabort = () => reject(change.error); });
    const [result] = await Promise.all([done(act(change.objectStore(STORE))), over]);
    return result;
  } catch (error) {
    throw error?.name === 'QuotaExceededError' ? refusal(NO_ROOM) : error;
  } finally {
    database.close();
  }
}

export const inBrowser = {
  list: () => within('readonly', (store) => store.getAll()),
  add: (voice) => within('readwrite', (store) => store.add({id: newId(), ...voice})),
  remove: (voice) => within('readwrite', (store) => store.delete(voice.id)),
  async recording(voice) {
    const kept = await within('readonly', (store) => store.get(voice.id));
    if (!kept) throw refusal(VOICE_GONE, GONE);
    return kept.audio;
  },
};

async function asked(path, options) {
  const answer = await answerOf(path, options);
  if (answer?.ok) return answer;
  const {error: message, ...told} = await answer?.json().catch(() => ({})) ?? {};
  throw refusal(message ? saying({message, ...told}) : UNREACHED, told.code);
}

export const onServer = {
  list: async () => (await (await asked('voices')).json()).voices,
  async add({audio, ...voice}) {
    const body = JSON.stringify({...voice, audio: await base64(audio)});
    await asked('voices', {method: 'POST', headers: {'Content-Type': 'application/json'}, body});
  },
  remove: (voice) => asked(`voices/${voice.id}`, {method: 'DELETE'}),
  recording: async (voice) => (await asked(`voices/${voice.id}`)).blob(),
};
