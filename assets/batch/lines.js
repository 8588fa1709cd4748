// Lines to be spoken, from what is written in a field or from a file: text, a table, or subtitles with their times. Each
// is {text, name?, start?, end?}, in seconds. Everything is read here in the browser, so that what can't be sent is said
// before anything is.
import {fill} from '../shell/phrases.js';
import {textOf} from '../shell/text_file.js';

const MOST_BYTES = 32 * 1024 * 1024;
const SEPARATORS = [',', ';', '\t'];
// Headings of tables, without case and signs; of several known ones in a table the first here.
const TEXTS = ['text', 'sentence', 'line', 'lines', 'transcript', 'script', 'input', 'prompt', 'content', '文本', '文字', '句子', '内容'];
const NAMES = ['filename', 'file', 'outputfile', 'audiofile', 'name', 'title', 'key', 'id', '文件名', '名称', '编号'];
const TIME = String.raw`(?:(\d+):)?(\d{1,2}):(\d{1,2})[,.](\d{1,3})`;
const TIMES = new RegExp(String.raw`^\s*${TIME}\s*-->\s*${TIME}`);
let lines = [], file = '';

export const current = () => lines;
export const nameOfFile = () => file.replace(/\.[^.]*$/, '');  // what the lines come from; empty where they were written

// The field, and below it what takes its lines from a file. Tells `changed` when there are other lines.
export function linesField(element) {
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
    find('.told').textContent = source ? source.name : "or drop one here: .txt, .csv or .srt";
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
      (isHeaded && head[index]) || fill("Column {number}", {number: index + 1}));
    const named = isHeaded ? columnOf(head, NAMES) : -1, texts = isHeaded ? columnOf(head, TEXTS) : -1;
    find('.headed').checked = isHeaded;
    find('.texts').replaceChildren(...columns.map(option));
    find('.texts').value = texts >= 0 ? texts : columns.findIndex((_, index) => index !== named);
    find('.names').replaceChildren(option("numbered", -1), ...columns.map(option));
    find('.names').value = named;
  }

  async function read(files) {
    const [chosen] = files, ending = chosen?.name.toLowerCase().split('.').pop();
    if (!chosen) return;
    const tellOfIt = (phrase) => tell(fill(phrase, {file: chosen.name}));
    if (files.length > 1) return tell("Choose one file at a time.");
    if (!['txt', 'csv', 'srt'].includes(ending)) return tellOfIt("{file} isn't a list of lines. Choose a .txt, .csv or .srt file.");
    if (chosen.size > MOST_BYTES) return tellOfIt("{file} is larger than 32 MB, the most for one batch. Cut it into several.");
    const text = textOf(new Uint8Array(await chosen.arrayBuffer()));
    if (text === null) return tellOfIt("{file} isn't text. Save it as text, in UTF-8, and choose it again.");
    const rows = ending === 'csv' ? table(text) : null, timed = ending === 'srt' ? cues(text) : null;
    if (!text.trim() || rows?.length === 0) return tellOfIt("{file} is empty.");
    if (timed?.length === 0) return tellOfIt("{file} has no times. A .srt has lines such as 00:00:01,000 --> 00:00:03,000.");
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

const plain = (text) => text.split('\n').map((line) => ({text: line.trim()})).filter((line) => line.text);

// RFC 4180, with the separator that the first line has most of.
function table(text) {
  const [first] = text.replace(/"[^"]*"/g, '').split('\n', 1);
  const separator = SEPARATORS.reduce((best, each) => first.split(each).length > first.split(best).length ? each : best);
  const rows = [[]];
  let cell = '', isQuoted = false;
  const endCell = () => { rows.at(-1).push(cell.trim()); cell = ''; };
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (isQuoted && character === '"' && text[at + 1] === '"') { cell += character; at += 1; }
    else if (character === '"' && (isQuoted || !cell.trim())) { isQuoted = !isQuoted; }
    else if (isQuoted) cell += character;
    else if (character === separator) endCell();
    else if (character === '\n') { endCell(); rows.push([]); }
    else cell += character;
  }
  endCell();
  return rows.filter((row) => row.some(Boolean));
}

function columnOf(row, known) {
  const heads = row.map((cell) => cell.toLowerCase().replace(/[\s_.-]/g, ''));
  const found = known.find((name) => heads.includes(name));
  return found === undefined ? -1 : heads.indexOf(found);
}

const seconds = ([hours, minutes, rest, fraction]) =>
  (hours ?? 0) * 3600 + minutes * 60 + +rest + fraction.padEnd(3, '0') / 1000;

// SubRip: a number, a line of times, and the words up to the next number.
function cues(text) {
  const found = [];
  for (const line of text.split('\n')) {
    const times = TIMES.exec(line);
    if (times && /^\d+$/.test(found.at(-1)?.said.at(-1)?.trim())) found.at(-1).said.pop();
    if (times) found.push({start: seconds(times.slice(1, 5)), end: seconds(times.slice(5, 9)), said: []});
    else found.at(-1)?.said.push(line);
  }
  return found
    .map(({start, end, said}) => ({start, end, text: said.join(' ').replace(/<[^>]*>|{\\[^}]*}/g, '').replace(/\s+/g, ' ').trim()}))
    .filter((cue) => cue.text)
    .sort((one, other) => one.start - other.start);
}
