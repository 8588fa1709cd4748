// Lines to be spoken, read from text, a table, or subtitles with their times: [{text, name?, start?, end?}], in seconds.
const SEPARATORS = [',', ';', '\t'];
// Headings of tables, without case and signs; of several known ones in a table the first here.
export const TEXTS = ['text', 'sentence', 'line', 'lines', 'transcript', 'script', 'input', 'prompt', 'content', '文本', '文字', '句子', '内容'];
export const NAMES = ['filename', 'file', 'outputfile', 'audiofile', 'name', 'title', 'key', 'id', '文件名', '名称', '编号'];
const TIME = String.raw`(?:(\d+):)?(\d{1,2}):(\d{1,2})[,.](\d{1,3})`;
const TIMES = new RegExp(String.raw`^\s*${TIME}\s*-->\s*${TIME}`);

export const plain = (text) => text.split('\n').map((line) => ({text: line.trim()})).filter((line) => line.text);

// RFC 4180, with the separator that the first line has most of.
export function table(text) {
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

export function columnOf(row, known) {
  const heads = row.map((cell) => cell.toLowerCase().replace(/[\s_.-]/g, ''));
  const found = known.find((name) => heads.includes(name));
  return found === undefined ? -1 : heads.indexOf(found);
}

const seconds = ([hours, minutes, rest, fraction]) =>
  (hours ?? 0) * 3600 + minutes * 60 + +rest + fraction.padEnd(3, '0') / 1000;

// SubRip: a number, a line of times, and the words up to the next number.
export function cues(text) {
  const found = [];
  for (const line of text.split('\n')) {
    const times = TIMES.exec(line);
    if (times && /^\d+$/.test(found.at(-1)?.lines.at(-1)?.trim())) found.at(-1).lines.pop();
    if (times) found.push({start: seconds(times.slice(1, 5)), end: seconds(times.slice(5, 9)), lines: []});
    else found.at(-1)?.lines.push(line);
  }
  return found
    .map(({start, end, lines}) => ({start, end, text: lines.join(' ').replace(/<[^>]*>|{\\[^}]*}/g, '').replace(/\s+/g, ' ').trim()}))
    .filter((cue) => cue.text)
    .sort((one, other) => one.start - other.start);
}
