// Below a player: what can be downloaded of a sound, in menus that close by themselves; and how it was made.
import {made} from '../shell/elements.js';
import {fill} from '../shell/phrases.js';
import {url} from '../shell/server.js';

export function foot(root) {
  const find = (selector) => root.querySelector(selector);
  const links = [...root.querySelectorAll('[data-ending]')], keep = find('.keep'), formats = find('.downloads details');

  function nameOf(text) {
    const first = text.toLowerCase().match(/[\p{L}\p{N}]+/gu)?.slice(0, 5).join('-').slice(0, 40);
    return `voxdemo-${first || 'speech'}`;
  }

  root.addEventListener('click', ({target}) => {
    if (target.matches('[data-ending]')) target.closest('details')?.removeAttribute('open');
  });
  for (const menu of root.querySelectorAll('.foot details')) {
    document.addEventListener('click', ({target}) => { if (!menu.contains(target)) menu.removeAttribute('open'); });
    menu.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || !menu.open) return;
      event.stopPropagation();
      menu.removeAttribute('open');
      menu.querySelector('summary').focus();
    });
  }

  return {
    hasWav: Boolean(find('.downloads [data-ending=wav]')),

    // The files at this path, named after this text. What only this page has is to be had in one form.
    offer(path, text) {
      if (formats) formats.hidden = path.startsWith('blob:');
      for (const link of links) {
        const {ending} = link.dataset;
        link.href = url(ending === 'wav' ? path : `${path}.${ending}`);
        link.download = `${nameOf(text)}.${ending}`;
      }
    },

    // How it was made; `waited` ms from the press to its first sound.
    tell({factor, cached, seed}, waited) {
      if (!find('.facts')) return;
      const told = [];
      const phrase = cached ? "Real-time factor {factor} when it was made" : "Real-time factor {factor}";
      if (factor != null) told.push(fill(phrase, {factor: factor.toFixed(factor < 0.1 ? 3 : 2)}));
      if (waited !== null) told.push(fill("First sound after {first}\u00a0s", {first: (waited / 1000).toFixed(2)}));
      if (seed != null) told.push(fill("Seed {seed}", {seed}));
      find('.figures').replaceChildren(...told.map((textContent) => made('span', {textContent})));
      root.classList.toggle('counted', told.length > 0);
      root.classList.toggle('seeded', seed != null);  // another seed would make another take
      if (keep.dataset.seed === `${seed}`) return;  // it is told again when more is known, and may be kept already
      Object.assign(keep, {textContent: "Keep this seed", disabled: false});
      keep.dataset.seed = seed;
    },

    clear() {
      for (const link of links) link.removeAttribute('href');
      root.classList.remove('counted', 'seeded');
      delete keep?.dataset.seed;
      formats?.removeAttribute('open');
    },
  };
}
