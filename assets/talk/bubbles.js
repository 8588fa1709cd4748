// A conversation as it is read: what I said at the right, the answers at the left, and of those what has been heard in ink.
import {made} from '../shell/elements.js';

// Where `sentence` ends in what is `written`, from `start` on: it has the same letters, and perhaps other white space.
function behind(written, start, sentence) {
  const begin = written.indexOf(sentence.split(/\s/)[0], start);
  let left = sentence.replace(/\s/g, '').length, at = begin < 0 ? start : begin;
  for (; left && at < written.length; at += 1) if (/\S/.test(written[at])) left -= 1;
  return at;
}

export function bubbles(root) {
  const box = root.querySelector('.talk-turns');

  function bubble(className) {
    const each = made('p', {className});
    const isAtEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 48;
    box.append(each);
    if (isAtEnd) box.scrollTop = box.scrollHeight;
    return each;
  }

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
        remove: () => each.remove(),
      };
    },

    // What answers me: `write` more of it, `cut` a sentence that is spoken next, show how many are `begun`, and `end` with what
    // was heard where it was interrupted.
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

        begun(count) {
          spoken.slice(0, count).forEach((span) => { span.className = ''; });
        },

        end(heard = null) {
          const text = heard ?? written.trim();
          if (!text) return each.remove();
          follow(() => each.replaceChildren(made('span', {textContent: heard === null ? text : `${text} …`})));
        },
      };
    },
  };
}
