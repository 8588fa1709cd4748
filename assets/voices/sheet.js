// The list of voices: searched, narrowed by chips, heard by ▶, kept by ★, taken by a press. It stands in the sheet of the
// Speak tab and on the Voices tab.
import {button, made, spans} from '../shell/elements.js';
import {fill} from '../shell/phrases.js';
import {all, fits, isLiked, isReady, languageName, languages, like, liked, ownName, recent} from './catalogue.js';
import {sampleButton} from './samples.js';

const STEPS = {ArrowDown: 1, ArrowUp: -1}, ENDS = {Home: 0, End: -1}, ASIDE = {ArrowLeft: -1, ArrowRight: 1};
const FEW = 10;  // so many are seen at a glance
const NAMES = {all: "All", recent: "Recent", liked: "★", own: "My voices"};

// Of what `from` gives, `take` gets what is chosen; `isChosen` says which one is now. Returns what paints it, what shows it
// from its beginning, and its search field.
export function list(element, isChosen, take, from = all) {
  const find = (selector) => element.querySelector(selector);
  const search = find('input'), rows = find('.rows'), none = find('.none');
  let shown = 'all';

  const within = (voices) => voices.filter(({id}) => from().some((one) => one.id === id));
  const narrowed = {
    all: from, recent: () => within(recent()), liked: () => within(liked()), own: () => from().filter((one) => !isReady(one)),
  };
  const voicesNow = () => (narrowed[shown]?.() ?? from().filter(({code}) => code === shown)).filter((one) => fits(one, search.value));

  function chip(id, text, count) {
    const each = button('chip-of', '', null, () => {
      shown = id;
      paint();
      find(`.chip-of[data-id="${id}"]`).focus();
    });
    each.append(made('span', {textContent: text}), ' ', made('small', {textContent: count}));
    each.ariaPressed = id === shown;
    each.dataset.id = id;
    return each;
  }

  function paintChips() {
    const counts = Object.entries(narrowed).map(([id, voices]) => [id, NAMES[id], voices().length]);
    const chips = counts.filter(([id, , count]) => count || id === 'liked');
    const spoken = languages(from()).map(({code, count}) => [code, languageName(code), count]);
    find('.chips').replaceChildren(...[...chips, ...spoken].map((each) => chip(...each)));
    find('.find').hidden = from().length <= FEW && spoken.length < 2;
  }

  // Below the name of its language only its accent is said of that.
  function row(one, isBelow) {
    const [spoken, ...rest] = one.about, about = spans([isBelow && one.code ? one.accent : spoken, ...rest]);
    const pick = button('pick', '', null, () => take(one));
    pick.append(made('b', {textContent: one.title, translate: !one.voice && !one.own}), made('span', {className: 'about'}, ...about));
    pick.ariaCurrent = isChosen(one);
    const star = button('like', '', fill("Favourite: {name}", {name: one.title}), () => {
      like(one);
      star.ariaPressed = isLiked(one);
      find('.chip-of[data-id=liked] small').textContent = narrowed.liked().length;
    });
    star.ariaPressed = isLiked(one);
    const play = one.voice || one.own ? sampleButton(one, (sentence) => { none.textContent = sentence; }) : made('span');
    return made('li', {className: 'one'}, play, pick, star);
  }

  function group(title, own, voices) {
    const called = own && own !== title ? [' · ', made('span', {textContent: own, translate: false})] : [];
    const head = title ? [made('h3', {}, made('span', {textContent: title}), ...called)] : [];
    return made('section', {}, ...head, made('ul', {}, ...voices.map((one) => row(one, Boolean(title)))));
  }

  // One's own voices first: whoever has some looks for those.
  function groups(voices) {
    if (shown === 'recent' || shown === 'liked') return voices.length ? [group('', '', voices)] : [];
    const mine = voices.filter((one) => !isReady(one)), rest = voices.filter((one) => !mine.includes(one));
    const spoken = [...languages(voices).map(({code}) => code), ''].map((code) => [code, rest.filter((one) => one.code === code)]);
    return [...(mine.length ? [group(NAMES.own, '', mine)] : []), ...spoken.filter(([, some]) => some.length)
      .map(([code, some]) => group(languageName(code), ownName(code), some))];
  }

  function paint() {
    paintChips();
    const voices = voicesNow();
    rows.replaceChildren(...groups(voices));
    none.textContent = voices.length ? '' : shown === 'liked' && !search.value
      ? "No favourites yet. Press ☆ beside a voice to find it here." : "No voice fits. Try fewer words.";
    stop(rows.querySelector('[aria-current=true]')?.closest('li') ?? rows.querySelector('li'));
  }

  // The Tab key comes to one row alone; arrows go from row to row and within it.
  function stop(item) {
    for (const each of rows.querySelectorAll('button')) each.tabIndex = item?.contains(each) ? 0 : -1;
  }

  function walk(event) {
    const items = [...rows.querySelectorAll('li')], at = items.indexOf(event.target.closest('li'));
    const buttons = [...(items[at]?.querySelectorAll('button') ?? [])], place = buttons.indexOf(event.target);
    const kind = event.target.className.split(' ')[0];
    const to = event.key in STEPS ? items[at + STEPS[event.key]] : event.key in ENDS ? items.at(ENDS[event.key]) : null;
    const next = to ? to.querySelector(`.${kind}`) ?? to.querySelector('.pick') : event.key in ASIDE ? buttons[place + ASIDE[event.key]] : null;
    if (!(event.key in STEPS || event.key in ENDS || event.key in ASIDE)) return;
    event.preventDefault();
    if (next) next.focus(); else if (event.key === 'ArrowUp') search.focus();
  }

  search.addEventListener('input', paint);
  search.addEventListener('keydown', (event) => {
    const first = rows.querySelector('.pick');
    if (!first || !['ArrowDown', 'Enter'].includes(event.key)) return;
    event.preventDefault();
    if (event.key === 'Enter') first.click(); else first.focus();
  });
  rows.addEventListener('keydown', walk);
  rows.addEventListener('focusin', ({target}) => stop(target.closest('li')));

  function begin() {
    search.value = '';
    shown = 'all';
    paint();
    const chosen = rows.querySelector('[aria-current=true]')?.closest('li');
    if (chosen) rows.scrollTop = chosen.offsetTop - rows.clientHeight / 2;
  }

  return {paint, begin, search};
}
