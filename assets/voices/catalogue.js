// All voices that there are to choose from: those of the server's engines, one's own, and that of a recording. What is said
// of each, which fit a search, and which were liked and used last, in this browser.
import {duration, language} from '../shell/phrases.js';
import {browser} from '../shell/state.js';
import {own} from './own_voices.js';

const LIKED = 'voices-liked', RECENT = 'voices-recent', MOST_RECENT = 6;
const names = (of, options) => new Intl.DisplayNames([of], {type: 'language', ...options});
const inWords = names(language, {}), asDialect = names(language, {languageDisplay: 'dialect'}), inEnglish = names('en', {});
const listed = (key) => [browser.read(key)].flat().filter((id) => typeof id === 'string');
const lists = {[LIKED]: listed(LIKED), [RECENT]: listed(RECENT)};
const SAID = {female: "female", male: "male", slow: "slow here"};
const inItself = {};  // the name of each language in that language, by its code: it takes a while to make what names it
let known = {voices: [], clones: false}, before = null, kinds = {};

// What the server has: {voices, clones}; and what the ways to choose a voice are called.
export function offer(value, ways) {
  before = atFirst();
  known = value;
  kinds = ways;
}

export const ownName = (code) => code ? inItself[code] ??= names(code, {}).of(code) : '';
export const languageName = (code) => code ? inWords.of(code) : '';
export const copies = () => known.clones;

// {id, title, kind, voice, code, accent, about}: `about` is said of it in order, first its language, of which `code` is ISO 639-1.
const described = ({id, name, title, language: tag, accent, gender, character, pace}) => {
  const code = tag?.split('-')[0] ?? '';
  const spoken = accent ? asDialect.of(tag) : languageName(code);
  return {id, title, kind: kinds.ready, voice: name, code, accent, about: [spoken, SAID[gender], character, SAID[pace]]};
};
const mine = (voice) => ({id: `own/${voice.id}`, title: voice.name, kind: kinds.saved, own: voice, about: ["your voice", duration(voice.seconds)]});

export function all() {
  const recorded = {id: 'recording', title: "From a recording", kind: kinds.recording, about: ["a voice you upload or record"]};
  return [...known.voices.map(described), ...(known.clones ? [...own.voices.map(mine), recorded] : [])];
}

export const isReady = ({voice}) => voice !== undefined;
export const ready = () => all().filter(isReady);

// The name of the ready voice that speaks at first.
export const atFirst = () => known.voice;

// This ready voice, as long as it is there and isn't merely the one that spoke at first before; else the one that does now.
export const kept = (voice) => voice !== before && ready().some((one) => one.voice === voice) ? voice : atFirst();

// What a link calls a ready voice that isn't the one that speaks at first.
export const linked = (voice) => voice === known.voice ? undefined : ready().find((one) => one.voice === voice)?.id;

export const named = (id) => {
  const asked = String(id).toLowerCase();
  return all().find((one) => [one.id, one.voice].some((name) => name?.toLowerCase() === asked));
};

// The languages that are spoken, the page's own first, and how many voices each has.
export function languages(voices) {
  const counts = new Map();
  for (const {code} of voices) if (code) counts.set(code, (counts.get(code) ?? 0) + 1);
  const here = language.split('-')[0];
  return [...counts].map(([code, count]) => ({code, count})).sort((one, other) => (other.code === here) - (one.code === here));
}

const folded = (text) => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
const isLatin = (text) => /^[\p{Script=Latin}\p{N}\p{P}\p{S}]+$/u.test(text);

// Whether all words of a search are found in what is known of a voice: at the beginning of a word, for "male" isn't "female".
export function fits(one, search) {
  const told = [one.title, one.voice, one.code, ...one.about, ...(one.code ? [ownName(one.code), inEnglish.of(one.code)] : [])];
  const text = folded(told.filter(Boolean).join(' ')), words = text.split(/[\s()（）]+/).flatMap((word) => [word, ...word.split('_')]);
  return folded(search).split(/\s+/).filter(Boolean).every((asked) =>
    words.some((word) => word.startsWith(asked)) || (!isLatin(asked) && text.includes(asked)));
}

function keep(key, ids) {
  lists[key] = ids;
  browser.set(key, JSON.stringify(ids));
}

const among = (key) => lists[key].map((id) => all().find((one) => one.id === id)).filter(Boolean);
export const liked = () => among(LIKED);
export const recent = () => among(RECENT);
export const isLiked = ({id}) => lists[LIKED].includes(id);
export const like = ({id}) => keep(LIKED, isLiked({id}) ? lists[LIKED].filter((each) => each !== id) : [...lists[LIKED], id]);
export const used = ({id}) => keep(RECENT, [id, ...lists[RECENT].filter((each) => each !== id)].slice(0, MOST_RECENT));
