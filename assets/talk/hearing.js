// One session of live recognition as a conversation needs it: turns that begin, have words and are over, with their sound.
import {joined} from '../job/samples.js';
import {RATE} from '../live/microphone.js';
import {session} from '../live/session.js';

const BEFORE_S = 0.3;  // of sound that belongs to a turn, before it was detected

// Calls `begin` when somebody begins to speak; `word` at the first word of a turn, which hands back the bubble that shows
// it; at its end `said(text, bubble, samples, ms)`, `ms` after the last sound, or `nothing`, where there was no word; and
// once `end`, as a session does. Where it doesn't detect `pauses`, all until `stop` is one turn.
export function hearing(pauses, {begin, word, said, nothing, end}) {
  const turns = new Map(), line = session({open() {}, change, end: over}, pauses);
  const parts = [];  // the sound that turns may still ask for
  let dropped = 0, stoppedAt = 0;  // how many samples were before that

  function change(now) {
    for (const turn of now) {
      const mine = turns.get(turn.id) ?? begun(turn), text = (turn.settled + turn.open).trim();
      if (mine.isOver) continue;
      if (text) mine.bubble ??= word();
      mine.bubble?.write(turn.settled.trimStart(), turn.open);
      if (turn.end !== null) mine.at ??= performance.now();
      if (turn.isOver) finish(mine, text, turn);
    }
    const there = new Set(now.map(({id}) => id));
    for (const [id, mine] of turns) if (!there.has(id)) finish(mine, '');
  }

  function begun({id}) {
    const mine = {bubble: null, at: null, isOver: false};
    turns.set(id, mine);
    begin();
    return mine;
  }

  function finish(mine, text, {start = null, end: last = null} = {}) {
    if (mine.isOver) return;
    mine.isOver = true;
    if (!text) {
      mine.bubble?.remove();
      return nothing();
    }
    mine.bubble.write(text);
    said(text, mine.bubble, cut(start, last), performance.now() - (mine.at ?? stoppedAt));
  }

  // The samples between these seconds. What lies before isn't asked for again.
  function cut(start, last) {
    const from = Math.max(dropped, Math.round(((start ?? 0) - BEFORE_S) * RATE));
    while (parts.length && dropped + parts[0].length <= from) dropped += parts.shift().length;
    return joined(parts).slice(from - dropped, last === null ? undefined : Math.round(last * RATE) - dropped);
  }

  // A turn that it never got to the end of was no word, for whatever waits to know.
  function over(error) {
    for (const mine of turns.values()) finish(mine, '');
    end(error);
  }

  return {
    hear(samples) {
      parts.push(samples);
      line.hear(samples);
    },
    stop() {
      stoppedAt = performance.now();
      line.stop();
    },
  };
}
