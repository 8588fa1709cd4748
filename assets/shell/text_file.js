// Text files in whatever coding.
const BOMS = [['utf-8', [0xEF, 0xBB, 0xBF]], ['utf-16le', [0xFF, 0xFE]], ['utf-16be', [0xFE, 0xFF]]];
const UNPRINTABLE = /[\x00-\x08\x0E-\x1A\x1C-\x1F]/;
const MOST_ALONE = 0.1;  // of the bytes beyond ASCII: in Chinese they come in pairs, in western Europe one by one

// A character that is cut in two at the end is left out.
const read = (name, bytes, fatal = false) => new TextDecoder(name, {fatal}).decode(bytes, {stream: true});

function orNull(name, bytes) {
  try { return read(name, bytes, true); } catch { return null; }
}

function isInPairs(bytes) {
  let all = 0, alone = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    if (bytes[at] < 0x80) continue;
    all += 1;
    if (!(bytes[at - 1] >= 0x80) && !(bytes[at + 1] >= 0x80)) alone += 1;
  }
  return alone <= MOST_ALONE * all;
}

const guessed = (bytes) =>
  orNull('utf-8', bytes) ?? (isInPairs(bytes) ? orNull('gb18030', bytes) : null) ?? read('windows-1252', bytes);

// What the bytes of a text file say; null where they are no text. Without a mark of its own it is in UTF-8 or, as older
// programs write, in the code page of Chinese (GB 18030) or of western Europe.
export function textOf(bytes) {
  const marked = BOMS.find(([, bom]) => bom.every((byte, index) => bytes[index] === byte));
  const said = marked ? read(marked[0], bytes) : guessed(bytes);
  return UNPRINTABLE.test(said) ? null : said.replace(/\r\n?/g, '\n');
}
