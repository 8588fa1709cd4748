// The words of a sound as they are read along: each caption lights up as it is heard, and in it the word that is heard.
// Captions are [[start, end, text, words]…], in seconds, and their words [[start, end, text]…], where they are known.
//
// The word is marked by a highlight over a stretch of text (CSS Custom Highlight API): nothing in the document changes, so
// nothing moves, and screen readers take no notice.
import {made} from '../shell/elements.js';
import {say, saying} from '../shell/phrases.js';

const MOST_SKIPPED = 40;  // characters that a caption may leave out of the text

// Where this caption ends in the text, looked for from there on; 0 where it isn't found.
function endOf(caption, text, from) {
  let at = from, skipped = 0;
  for (const character of caption.replace(/\s/g, '')) {
    while (at < text.length && text[at] !== character[0]) {
      if (/\S/.test(text[at]) && ++skipped > MOST_SKIPPED) return 0;
      at += 1;
    }
    if (at >= text.length) return 0;
    at += character.length;
  }
  return at;
}

// The text in pieces, [words, index of their caption or -1]. Where the captions are found in the text that was asked for,
// it keeps its line breaks, and what is still to come stays in its place.
function inPieces(captions, asked) {
  const pieces = [];
  let at = 0;
  for (const [index, [, , caption]] of captions.entries()) {
    const start = at + asked.slice(at).search(/\S|$/), end = endOf(caption, asked, start);
    if (!end) return captions.map(([, , words], each) => [`${words} `, each]);
    pieces.push([asked.slice(at, start), -1], [asked.slice(start, end), index]);
    at = end;
  }
  return [...pieces, [asked.slice(at), -1]].filter(([words]) => words);
}

// Where each word lies in the text of its caption, [from, to]; none where they aren't found.
function placesOf(words, text) {
  const places = [];
  for (const [, , word] of words) {
    const before = places.at(-1)?.[1] ?? 0, from = before + text.slice(before).search(/\S|$/), to = endOf(word, text, from);
    if (!to) return [];
    places.push([from, to]);
  }
  return places;
}

export const highlight = window.Highlight && new Highlight();
if (highlight) CSS.highlights.set('vx-word', highlight);

export function captionsIn(box) {
  const hint = box.querySelector('.hint').textContent;
  let asked = '', spans = [], marked = -1, spoken = -1, written = '';
  let places = [], range = null, lit = -1;  // of the words of the caption that is heard; `lit` is the one that is

  // scrollIntoView would scroll the page too.
  function keepInView(target) {
    const {top, bottom} = target.getBoundingClientRect(), room = box.getBoundingClientRect();
    if (top < room.top || bottom > room.bottom) box.scrollTop += top - room.top - 12;
  }

  function light(word) {
    lit = word;
    if (range) highlight.delete(range);
    range = null;
    const place = places[word], span = spans[marked];
    if (!place || !highlight) return;
    range = new Range();
    range.setStart(span.firstChild, place[0]);
    range.setEnd(span.firstChild, place[1]);
    highlight.add(range);
    if (span.offsetHeight > box.clientHeight) keepInView(range);
  }

  return {
    // The index of the caption that is heard now; -1 for none.
    get marked() { return marked; },
    get count() { return spans.length; },

    // Before there is any sound: the text that is asked for, or the hint.
    clear(text) {
      asked = text;
      box.translate = !asked;
      box.replaceChildren(made('p', {className: 'hint', textContent: asked || say(hint)}));
      box.scrollTop = 0;
      box.tabIndex = asked ? 0 : -1;
      light(-1);
      spans = [];
      written = '';
      marked = -1;
    },

    write(notes, captions) {
      const key = JSON.stringify([notes, captions, asked.length]);
      if (key === written) return;
      written = key;
      light(-1);
      const pieces = inPieces(captions, asked).map(([textContent, index]) =>
        [made('span', {className: index < 0 ? 'later' : '', textContent}), index]);
      spans = pieces.filter(([, index]) => index >= 0).map(([span]) => span);
      spans.forEach((span, index) => { span.dataset.index = index; });
      const top = box.scrollTop;
      box.translate = false;  // but for the notes it is what people wrote
      const told = notes.map((note) => made('p', {className: 'note', textContent: note.code ? saying(note) : say(note)}));
      box.replaceChildren(...told, ...pieces.map(([span]) => span));
      box.scrollTop = top;
      box.tabIndex = 0;
      marked = spoken = -1;
    },

    // The caption of this index is heard, and of its words this one; captions from `reached` on aren't spoken yet.
    mark(current, reached, words = [], word = -1) {
      if (reached !== spoken) spans.forEach((span, index) => span.classList.toggle('later', index >= reached));
      spoken = reached;
      if (current !== marked) {
        light(-1);
        spans[marked]?.classList.remove('now');
        spans[current]?.classList.add('now');
        marked = current;
        places = spans[current] ? placesOf(words, spans[current].textContent) : [];
        if (spans[current]) keepInView(spans[current]);
      }
      if (word !== lit) light(word);
    },
  };
}
