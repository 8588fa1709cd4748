// Phrases, what fills their places, and the page in the language of the browser, which Gradio has found out. Everything is
// said in English, in whole phrases; where the language is another one, what stands on the page, from us or from the
// server, is replaced as it appears.
//
// Gradio's configuration has the phrases and what they are in that language (`zh.json`), the browser the names of languages.
// A place in braces stands for a number if its name is one letter, else for anything, which may be a phrase itself; phrases
// that begin with "…" are found only there. What people wrote is never touched: it stands in an element with translate="no".
import {language as chosen} from './language.js';

export const UNEXPECTED = "Something went wrong on the server: try again in a minute.";
export const fill = (words, values) => words.replace(/{(\w+)}/g, (_, name) => values[name]);

// By which an error is known, with the reason where its code has several.
export const codeOf = ({code, values}) => [code, values?.reason].filter(Boolean).join('.');

const MOST_UP = 1.2;  // times what was shown
const rounded = (value) => value < 90 ? Math.max(1, Math.round(value)) : 60 * Math.round(value / 60);

export const roughly = (value) => value < 90 ? `${rounded(value)} s` : `${rounded(value) / 60} min`;

// The seconds to show where `before` were shown last, null for none: they grow by a fifth at once at most, also as rounded.
// In the cards the server sees to the rest; of a batch it says what it expects.
export function steadied(value, before) {
  if (before === null) return value;
  const most = MOST_UP * rounded(before), step = Math.floor(most);
  return Math.min(value, Math.max(before, rounded(step) <= most ? step : before));
}

export function duration(value) {
  if (value < 59.95) return `${value.toFixed(1)} s`;
  const whole = Math.round(value);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

// As clocks show it: 0:05, 12:34, 1:02:03.
export function clock(seconds) {
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60], rest = Math.floor(seconds % 60);
  return [...hours ? [hours, String(minutes).padStart(2, '0')] : [minutes], String(rest).padStart(2, '0')].join(':');
}

export const people = (count) => count === 1 ? '1 person' : `${count} people`;

const TOLD_IN = ['aria-label', 'aria-valuetext', 'title', 'placeholder'];
const MOST_KNOWN = 2000, LONGEST = 600;  // characters; what is longer is none of our sentences
const told = chosen === 'en' ? {} : window.gradio_config?.i18n_translations?.[chosen] ?? {};
const CODES = ['en', 'zh', 'es', 'fr', 'it', 'pt', 'ja', 'de', 'nl', 'sv', 'da', 'no', 'fi', 'cs', 'pl', 'ro', 'hu', 'tr', 'vi', 'id', 'ca',
  'hr', 'sk', 'ru', 'uk', 'bg', 'be', 'sr', 'mk', 'ar', 'fa', 'ur', 'hi', 'mr', 'ne', 'ko', 'el', 'he', 'th'];
const [inEnglish, inOther] = ['en', chosen].map((each) => new Intl.DisplayNames([each], {type: 'language'}));
const languages = chosen === 'en' ? [] : CODES.map((code) => [inEnglish.of(code), inOther.of(code)]);
const exact = new Map([...languages, ...Object.entries(told)]);
const NUMBER = '[\\d.,:]+', QUOTED = '.+?', WITHIN_A_SENTENCE = '(?:(?![.!?] ).)+?';
const place = (_, name, at, whole) =>
  `(?<${name}>${name.length === 1 ? NUMBER : whole[at - 1] === '“' ? QUOTED : WITHIN_A_SENTENCE})`;
const shapes = [...exact].filter(([english]) => english.includes('{')).map(([english, said]) => ({
  said,
  isPart: english.startsWith('…'),
  length: english.replace(/{\w+}/g, '').length,
  shape: new RegExp(`^${english.replace(/^…/, '').replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace(/{(\w+)}/g, place)}$`),
})).sort((one, other) => other.length - one.length);
const known = new Map();
const plain = (text) => text.replace(/\s+/g, ' ').trim();

// In the other language; null for what is no phrase.
function phrase(text, isPart = false) {
  if (exact.has(text)) return exact.get(text);
  for (const each of shapes) {
    const places = each.isPart && !isPart ? null : each.shape.exec(text)?.groups;
    if (places) return fill(each.said, Object.fromEntries(Object.entries(places).map(([name, is]) => [name, part(is)])));
  }
  return null;
}

// Several phrases in a row: "guidance, a seed and a speed".
function list(text) {
  const words = text.split(/, | and /);
  return words.length > 1 && words.every((each) => exact.has(each)) ? words.map((each) => exact.get(each)).join('、') : null;
}

const part = (text) => list(text) ?? phrase(text, true) ?? text;

// Several sentences that are each a phrase, or together one; as they were where none is.
function sentences(text) {
  const parts = text.split(/(?<=[.!?;”]) /);
  let said = '', isKnown = false;
  for (let from = 0, to; from < parts.length; from = to) {
    let found = null;
    for (to = parts.length; to > from && found === null; to -= 1) found = phrase(parts.slice(from, to).join(' '));
    to += 1;
    said += found ?? `${parts[from]} `;
    isKnown ||= found !== null;
  }
  return isKnown ? said.trimEnd() : text;
}

function translated(text) {
  const asked = plain(text);
  if (asked.length > LONGEST) return asked;
  if (!known.has(asked)) {
    if (known.size > MOST_KNOWN) known.clear();
    known.set(asked, sentences(asked));
  }
  return known.get(asked);
}

// What an error says by its code, with `time` in place of its own where that is counted down; one that has no words of its
// own in this language, by its sentence.
export function saying({message, code, values}, time) {
  const written = told[`error.${codeOf({code, values})}`];
  const isFillable = written?.match(/(?<={)\w+/g)?.every((name) => values && name in values) ?? written;
  if (!isFillable) return say(time && values?.time ? message.replace(values.time, time) : message);
  const said = (value) => value?.message ? saying(value) : typeof value === 'string' ? part(value) : value?.toLocaleString('en');
  return fill(written, Object.fromEntries(
    Object.entries({...values, ...(time && {time})}).map(([name, value]) => [name, said(value)])));
}

function replace(node) {
  const text = node.data;
  if (!/[a-z%]/i.test(text) || node.parentElement?.closest('[translate=no], script, style, textarea')) return;
  const other = translated(text);
  if (other !== plain(text)) node.data = text.replace(/\S.*\S|\S/s, () => other);
}

function replaceIn(element) {
  if (element.closest('[translate=no]')) return;
  for (const name of TOLD_IN) {
    const text = element.getAttribute(name), other = text && translated(text);
    if (text && other !== plain(text)) element.setAttribute(name, other);
  }
}

function replaceBelow(root) {
  if (root.nodeType === Node.TEXT_NODE) return replace(root);
  if (root.nodeType !== Node.ELEMENT_NODE) return;
  const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
  for (let node = root; node; node = walk.nextNode()) (node.nodeType === Node.TEXT_NODE ? replace : replaceIn)(node);
}

function heed(changes) {
  for (const {type, target, addedNodes} of changes) {
    if (type === 'attributes') replaceIn(target);
    else if (type === 'characterData') replace(target);
    else addedNodes.forEach(replaceBelow);
  }
}

// What is said elsewhere than on the page: in its title, in a notice of the system.
export const say = (text) => exact.size ? translated(text) : text;
// What was said, and what else there is to say, which may be nothing.
export const both = (one, other) => [one, other && say(other)].filter(Boolean).join(exact.size ? '' : ' ');
export const language = exact.size ? chosen : 'en';

if (exact.size) {
  replaceBelow(document.body);
  new MutationObserver(heed).observe(document.body, {
    subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: TOLD_IN,
  });
}
