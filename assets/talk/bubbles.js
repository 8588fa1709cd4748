// A conversation as it is read: what I said at the right, the answers at the left, and of those what has been heard in ink.
import {highlight} from '../job/captions.js';
import {button, made} from '../shell/elements.js';

// Where `sentence` ends in what is `written`, from `start` on: it has the same letters, and perhaps other white space.
function behind(written, start, sentence) {
  const begin = written.indexOf(sentence.split(/\s/)[0], start);
  let left = sentence.replace(/\s/g, '').length, at = begin < 0 ? start : begin;
  for (; left && at < written.length; at += 1) if (/\S/.test(written[at])) left -= 1;
  return at;
}

// Where the last word of a text begins.
const lastWord = (text) => text.search(/\S+\s*$/);

// `foot` gives what stands below what somebody has said, with its samples.
export function bubbles(root, foot) {
  const box = root.querySelector('.talk-turns');

  function bubble(className) {
    const each = made('p', {className, translate: false});
    follow(() => box.append(made('div', {className: `turn of-${className}`}, each, made('div', {className: 'does'}))));
    return each;
  }

  const finish = (each, text, samples) => follow(() => each.nextSibling.replaceChildren(...foot(text, samples)));

  const follow = (write) => {
    const isAtEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 48;
    write();
    if (isAtEnd) box.scrollTop = box.scrollHeight;
  };

  return {
    clear: () => box.replaceChildren(),

    // What I say: `settled`, and `open`, which may still change.
    mine() {
      const each = bubble('mine'), settled = made('span'), open = made('span', {className: 'later'});
      each.append(settled, open);
      return {
        write(said, more = '') {
          follow(() => {
            settled.textContent = said;
            open.textContent = more;
          });
        },
        end: (text, samples) => finish(each, text, samples),
        remove: () => each.parentNode.remove(),

        // It got no answer, and why; `again` says it again, as the last that was said.
        unanswered(why, again) {
          const note = made('div', {className: 'why'}, made('span', {textContent: why}), button('retry', "Try again", "Try again", () => {
            note.remove();
            again();
          }));
          follow(() => each.parentNode.append(note));
        },
        toEnd: () => box.append(each.parentNode),
      };
    },

    // What answers me: `write` more of it, `cut` a sentence that is spoken next, show how many are `begun`, and how many letters
    // of the last of these; `end` it, with what was heard where it was interrupted.
    theirs() {
      const each = bubble('theirs'), rest = made('span', {className: 'later', textContent: '…'}), spoken = [];
      let written = '', at = 0;
      each.append(rest);
      return {
        write(text) {
          written += text;
          follow(() => { rest.textContent = written.slice(at).trimStart() && written.slice(at); });
        },

        cut(sentence) {
          const end = behind(written, at, sentence), span = made('span', {className: 'later', textContent: written.slice(at, end)});
          at = end;
          spoken.push(span);
          rest.before(span);
          rest.textContent = written.slice(at);
        },

        begun(count, letters) {
          spoken.slice(0, count).forEach((span) => { span.className = ''; });
          const words = spoken[count - 1]?.firstChild, start = words ? words.data.search(/\S|$/) : 0;
          highlight?.clear();
          if (!letters || start + letters > words.length) return;
          const range = new Range();
          range.setStart(words, start + lastWord(words.data.slice(start, start + letters)));
          range.setEnd(words, start + letters);
          highlight?.add(range);
        },

        end(heard, samples) {
          const text = heard ?? written.trim();
          highlight?.clear();
          if (!text) return each.parentNode.remove();
          follow(() => each.replaceChildren(made('span', {textContent: heard === null ? text : `${text} …`})));
          finish(each, text, samples);
        },
      };
    },
  };
}
