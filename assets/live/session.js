// One session of live recognition, over the WebSocket that programs use, too: `/v1/realtime?intent=transcription`. Sound
// goes in; out come turns, each with words that are settled and words that may still change. It knows no microphone.
import {joined} from '../job/samples.js';
import {url} from '../shell/server.js';
import {RATE} from './microphone.js';

const SEND_EVERY = RATE / 20;  // samples
const BYTES_PER_S = RATE * 2 * 4 / 3;  // in base64
const SILENT_MS = 20000;  // without a word from the server, or one on its way there, at the beginning or at the end
const UNREAD = {code: 'unread'};  // all was sent, and the server has no time to read the last of it
const sessionThat = (pauses) => ({
  type: 'transcription',
  audio: {input: {format: {type: 'audio/pcm', rate: RATE}, turn_detection: pauses ? {type: 'server_vad'} : null}},
  include: ['voxdemo.open'],
});
const TRANSCRIPTION = 'conversation.item.input_audio_transcription', DELTA = `${TRANSCRIPTION}.delta`;

function base64(samples) {
  return btoa(String.fromCharCode(...new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength)));
}

// Calls `open` when the server listens, `change` with the turns and the seconds that it is behind, whenever either is
// another; and once `end`, with null, or with the server's error, {} where it went without one, or UNREAD. What is heard
// before it listens is sent then. Where it doesn't detect `pauses`, all that is heard until `stop` is one turn.
export function session({open, change, end}, pauses = true) {
  const socket = new WebSocket(url('v1/realtime?intent=transcription').replace(/^http/, 'ws'));
  const turns = new Map();
  let waiting = [], count = 0, behind = 0, isOpen = false, isEnding = false, isCommitted = false, isOver = false;
  let silence = setTimeout(finish, SILENT_MS, {});  // for one that never opens

  const send = (type, values) => socket.send(JSON.stringify({type, ...values}));
  const tell = () => change([...turns.values()], behind + socket.bufferedAmount / BYTES_PER_S);

  function finish(error) {
    if (isOver) return;
    isOver = true;
    clearTimeout(silence);
    socket.close();
    end(error);
  }

  // Whether more is to come: turns may begin until the server answers this commit, which is behind all of the sound.
  function expect() {
    clearTimeout(silence);
    if (!isEnding) return;
    if (isCommitted && [...turns.values()].every((turn) => turn.isOver)) return finish(null);
    const unsent = socket.bufferedAmount;
    silence = setTimeout(() => { if (socket.bufferedAmount < unsent) expect(); else finish(unsent ? {} : UNREAD); }, SILENT_MS);
  }

  function turnOf({item_id: id}) {
    if (!turns.has(id)) turns.set(id, {id, start: null, end: null, settled: '', open: '', segments: [], isOver: false});
    return turns.get(id);
  }

  function settle(turn, text) {
    Object.assign(turn, {settled: text, open: '', isOver: true});
    if (!text.trim()) turns.delete(turn.id);
  }

  const heeded = {
    'session.updated': () => {
      isOpen = true;
      flush();
      if (isEnding) commit();
      open();
    },
    'input_audio_buffer.speech_started': (event) => { turnOf(event).start = event.audio_start_ms / 1000; },
    'input_audio_buffer.speech_stopped': (event) => { turnOf(event).end = event.audio_end_ms / 1000; },
    'input_audio_buffer.committed': (event) => {
      isCommitted ||= isEnding && turnOf(event).end === null;  // else detection ended it, and says so before
    },
    [DELTA]: (event) => { turnOf(event).settled += event.delta; },
    [`${TRANSCRIPTION}.segment`]: (event) => { turnOf(event).segments.push([event.start, event.end, event.text.trim()]); },
    [`${TRANSCRIPTION}.completed`]: (event) => settle(turnOf(event), event.transcript),
    [`${TRANSCRIPTION}.failed`]: (event) => settle(turnOf(event), turnOf(event).settled + turnOf(event).open),
    'voxdemo.transcription.open': (event) => {
      turnOf(event).open = event.text;
      behind = event.behind_s;
    },
  };

  function heed(event) {
    if (event.type === 'error') {
      if (event.error.code !== 'input_audio_buffer_commit_empty') return finish(event.error);
      isCommitted = isEnding;
    }
    heeded[event.type]?.(event);
    if (event.type in heeded && event.type !== DELTA) tell();  // after that the rest of the words comes at once
    expect();
  }

  function flush() {
    const all = joined(waiting);
    for (let from = 0; from < count; from += SEND_EVERY) {
      send('input_audio_buffer.append', {audio: base64(all.subarray(from, from + SEND_EVERY))});
    }
    waiting = [];
    count = 0;
  }

  const commit = () => send('input_audio_buffer.commit');

  socket.addEventListener('open', () => send('session.update', {session: sessionThat(pauses)}));
  socket.addEventListener('message', ({data}) => { if (!isOver) heed(JSON.parse(data)); });
  socket.addEventListener('close', () => finish({}));

  return {
    hear(samples) {
      if (isEnding || isOver) return;
      waiting.push(samples);
      count += samples.length;
      if (isOpen && count >= SEND_EVERY) flush();
    },

    // Nothing more is heard: `end` is called when the server has said the last word; of all, also where it doesn't listen yet.
    stop() {
      if (isEnding || isOver) return;
      isEnding = true;
      if (!isOpen) return;
      flush();
      commit();
      expect();
    },
  };
}
