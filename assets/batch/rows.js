// The lines of a batch as rows, each with its state and, once it is spoken, its sound.
import {button, made} from '../shell/elements.js';
import {clock, duration, fill, saying} from '../shell/phrases.js';

const SHOWN = 240;  // characters of a line
const LATE_S = 0.3;  // what a voice is silent at the end of a line
const FINAL = ['done', 'failed', 'cancelled'];
const STATES = {queued: "waiting", running: "speaking", cancelled: "cancelled"};
const PLAY = "Play line {line}", UNHEARD = "This line can't be played now. Try again in a moment.";

export const count = (number) => number.toLocaleString('en');

// `address` tells where below the job a line's sound is; `complain` is called with what went wrong.
export function rowsIn(root, address, complain) {
  const list = root.querySelector('ol'), audio = root.querySelector('audio');
  let rows = [], playing = null, end = null;  // `end` seconds of the last line, of subtitles

  // How long a line may be: to where the next begins or, of the last, to where it ends itself.
  function slot(number) {
    const {start} = rows[number - 1], until = rows[number]?.start ?? end;
    return start == null || until == null ? null : until - start;
  }

  const isLate = ({item}) => item?.status === 'done' && slot(item.index) != null && item.duration_s - LATE_S > slot(item.index);

  function told(entry) {
    const {item} = entry;
    if (item.status === 'failed') return saying({message: item.error, code: item.error_code, values: item.error_values});
    if (item.status !== 'done') return STATES[item.status];
    const length = duration(item.duration_s);
    return isLate(entry) ? fill("{length}, longer than its {slot}", {length, slot: duration(slot(item.index))}) : length;
  }

  function stopPlaying() {
    audio.pause();
    mark(false);
    playing = null;
  }

  function mark(isOn) {
    const key = playing?.row.querySelector('.hear');
    playing?.row.classList.toggle('playing', isOn);
    const line = count(rows.indexOf(playing) + 1);
    key?.setAttribute('aria-label', fill(isOn ? "Pause line {line}" : PLAY, {line}));
  }

  function hear(entry) {
    const isSame = entry === playing;
    if (isSame && !audio.paused) return audio.pause();
    if (!isSame) {
      stopPlaying();
      playing = entry;
      audio.src = address(`/items/${entry.item.index}`);
    }
    return audio.play().catch((error) => { if (error.name !== 'AbortError') complain(UNHEARD); });
  }

  for (const name of ['play', 'pause', 'ended']) audio.addEventListener(name, () => mark(name === 'play'));
  audio.addEventListener('error', () => { if (playing) complain(UNHEARD); });

  return {
    get length() { return rows.length; },
    get late() { return rows.filter(isLate).length; },

    // The number of the first line that isn't at its end; one more than there are where all are.
    firstOpen() {
      const at = rows.findIndex(({state}) => !FINAL.includes(state));
      return at < 0 ? rows.length + 1 : at + 1;
    },

    clear(lastEnd) {
      stopPlaying();
      rows = [];
      end = lastEnd;
      list.replaceChildren();
    },

    add({text, start}) {
      const number = rows.length + 1, row = made('li'), shown = text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
      row.append(made('span', {className: 'number', textContent: count(number)}), made('p', {textContent: shown, translate: false}),
        made('span', {className: 'told'}), ...start == null ? [] : [made('span', {className: 'at', textContent: clock(start)})]);
      rows.push({row, start, state: '', item: null});
      list.append(row);
    },

    // What the server says of a line; `ending` of its file.
    update(item, ending) {
      const entry = rows[item.index - 1];
      if (!entry || entry.state === item.status) return;
      Object.assign(entry, {state: item.status, item});
      entry.row.dataset.state = item.status;
      entry.row.classList.toggle('late', isLate(entry));
      entry.row.querySelector('.told').textContent = entry.row.querySelector('.told').title = told(entry);
      if (item.status !== 'done') return;
      const line = count(item.index), download = `${item.name}.${ending}`;
      const href = address(`/items/${item.index}`), ariaLabel = fill("Download line {line}", {line});
      entry.row.append(button('hear', '', fill(PLAY, {line}), () => hear(entry)), made('a', {className: 'fetch', href, download, ariaLabel}));
    },

    // Marks this line as one that can't be spoken.
    refuse(number) { rows[number - 1]?.row.setAttribute('data-state', 'failed'); },
  };
}
