// Lines to be spoken, from what is written in a field or from a file: text, a table, or subtitles with their times.
// Everything is read here in the browser, so that what can't be sent is said before anything is.
import {fill} from '../shell/phrases.js';
import {textOf} from '../shell/text_file.js';
import {NAMES, TEXTS, columnOf, cues, plain, table} from './reading.js';

const MOST_BYTES = 32 * 1024 * 1024;
let lines = [], file = '';

export const current = () => lines;
export const nameOfFile = () => file.replace(/\.[^.]*$/, '');  // what the lines come from; empty where they were written

// The field, and below it what takes its lines from a file. Tells `changed` when there are other lines.
export function linesField(element, {words}) {
  const find = (selector) => element.querySelector(selector);
  const field = () => document.querySelector('#vx-lines textarea');
  let source = null, isWriting = false;

  const changed = () => window.dispatchEvent(new Event('voxdemo-lines'));

  function write(text) {
    isWriting = true;
    field().value = text;
    field().readOnly = Boolean(source);
    field().dispatchEvent(new Event('input', {bubbles: true}));
    isWriting = false;
  }

  function take(next) {
    lines = next;
    write(lines.map(({text}) => text.replace(/\s*\n\s*/g, ' ')).join('\n'));
    changed();
  }

  function tell(wrong = '') {
    find('.wrong').textContent = wrong;
    find('.told').textContent = source ? source.name : words.drop;
    find('.remove').hidden = !source;
    find('.columns').hidden = !source?.rows;
  }

  function remove() {
    source = null;
    file = '';
    tell();
    take([]);
    field().focus();
  }

  function takeTable() {
    const head = find('.headed').checked ? 1 : 0, texts = +find('.texts').value, names = +find('.names').value;
    take(source.rows.slice(head)
      .map((row) => ({text: row[texts] ?? '', ...(names >= 0 ? {name: row[names] ?? ''} : {})}))
      .filter((line) => line.text));
  }

  function offerColumns(rows) {
    const head = rows[0] ?? [], isHeaded = [...TEXTS, ...NAMES].some((name) => columnOf(head, [name]) >= 0);
    const count = Math.max(...rows.map((row) => row.length));
    const option = (name, value) => new Option(name, value);
    const columns = Array.from({length: count}, (_, index) =>
      (isHeaded && head[index]) || fill(words.column, {number: index + 1}));
    const named = isHeaded ? columnOf(head, NAMES) : -1, texts = isHeaded ? columnOf(head, TEXTS) : -1;
    find('.headed').checked = isHeaded;
    find('.texts').replaceChildren(...columns.map(option));
    find('.texts').value = texts >= 0 ? texts : columns.findIndex((_, index) => index !== named);
    find('.names').replaceChildren(option(words.numbered, -1), ...columns.map(option));
    find('.names').value = named;
  }

  async function read(files) {
    const [chosen] = files, ending = chosen?.name.toLowerCase().split('.').pop();
    if (!chosen) return;
    const named = (phrase) => fill(phrase, {file: chosen.name});
    if (files.length > 1) return tell(words.several);
    if (!['txt', 'csv', 'srt'].includes(ending)) return tell(named(words.unknown));
    if (chosen.size > MOST_BYTES) return tell(named(words.large));
    const text = textOf(new Uint8Array(await chosen.arrayBuffer()));
    if (text === null) return tell(named(words.binary));
    const rows = ending === 'csv' ? table(text) : null, timed = ending === 'srt' ? cues(text) : null;
    if (!text.trim() || rows?.length === 0) return tell(named(words.empty));
    if (timed?.length === 0) return tell(named(words.untimed));
    file = chosen.name;
    source = ending === 'txt' ? null : {name: file, rows};
    if (rows) offerColumns(rows);
    tell();
    if (rows) takeTable(); else take(timed ?? plain(text));
  }

  find('.choose').addEventListener('click', () => find('input[type=file]').click());
  find('input[type=file]').addEventListener('change', async ({target}) => {
    await read([...target.files]);
    target.value = '';  // or the same file could not be chosen again
  });
  find('.remove').addEventListener('click', remove);
  find('.columns').addEventListener('change', takeTable);
  document.addEventListener('input', ({target}) => {
    if (isWriting || target !== field()) return;
    lines = plain(target.value);
    if (!lines.length) file = '';
    tell();
    changed();
  });
}
