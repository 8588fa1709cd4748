// Gradio's controls as the keyboard and screen readers expect them.
import {drawn} from './elements.js';

// Gradio's list of choices as the keyboard expects a list. By itself it opens when the Tab key comes to it, over what stands
// there; stays open when that leaves; and drops the focus when something is chosen.
const isList = (element) => element.matches?.('#vx-batch-format input');
const fold = (input) => input.dispatchEvent(new KeyboardEvent('keydown', {key: 'Escape', bubbles: true}));
let lastKey = '';

window.addEventListener('pointerdown', () => { lastKey = ''; }, true);
window.addEventListener('keydown', (event) => {
  if (!event.isTrusted) return;
  lastKey = event.key;
  if (!isList(event.target)) return;
  if (event.key === 'Tab') {
    event.stopImmediatePropagation();  // any key opens it
    fold(event.target);
  }
  if (event.key === 'Enter') setTimeout(() => {
    event.target.focus();
    fold(event.target);
  });
}, true);
window.addEventListener('focusin', ({target}) => {
  if (!isList(target)) return;
  if (lastKey === 'Tab') setTimeout(fold, 0, target);
});

// Gradio's folds say neither that they are folds nor whether they are open, and have their arrow in their name.
function nameFolds() {
  for (const each of document.querySelectorAll('#vx-more .label-wrap')) {
    const isOpen = String(each.classList.contains('open'));
    if (each.getAttribute('aria-expanded') !== isOpen) each.setAttribute('aria-expanded', isOpen);
    each.querySelector('.icon')?.setAttribute('aria-hidden', 'true');
  }
}

drawn('#vx-more').then((element) => {
  new MutationObserver(nameFolds).observe(element, {subtree: true, childList: true, attributes: true, attributeFilter: ['class']});
  nameFolds();
});
