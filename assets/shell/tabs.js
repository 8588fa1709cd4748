// The tab that is shown is in the page's address (#recognise), so that Back, a reload and a bookmark lead to it. What else
// stands there, such as the text and settings of a link (share.js), is for Speak.
import {drawn} from './elements.js';

const ids = window.gradio_config.components.filter(({type}) => type === 'tabitem').map(({props}) => props.id);
const all = (selector) => [...document.querySelectorAll(`#vx-tabs .tab-wrapper ${selector}`)];
const label = ({textContent}) => textContent.trim();
const asked = () => ids.find((id) => id === location.hash.slice(1)) ?? ids[0];
// Gradio writes the ids only at the tabs that a narrow page has room for; the row by which it measures has all labels.
const idOf = (button) => ids[all('.tab-container.visually-hidden button').findIndex((each) => label(each) === label(button))];
const buttons = () => all('[role=tab], .overflow-dropdown button');
const open = () => buttons().find((button) => idOf(button) === asked())?.click();
let shown = ids[0];
document.documentElement.classList.toggle('vx-elsewhere', asked() !== ids[0]);  // until it is open nothing is shown

window.addEventListener('click', ({target}) => {
  const button = target.closest?.('#vx-tabs [role=tab], #vx-tabs .overflow-dropdown button');
  if (!button || idOf(button) === shown) return;
  shown = idOf(button);
  if (shown !== asked()) history.pushState(null, '', `#${shown}`);
}, true);
window.addEventListener('hashchange', open);

// Opens the Speak tab, at its text.
export function toSpeak() {
  const text = document.querySelector('#vx-text textarea');
  const focus = () => text.offsetParent ? text.focus() : requestAnimationFrame(focus);
  document.querySelector('#vx-tabs [role=tab]').click();
  focus();
}

// Gradio draws a tab when it is opened. The first one is always drawn, because the others lean on it.
drawn('#vx-estimate p').then(() => {
  open();
  requestAnimationFrame(() => document.documentElement.classList.remove('vx-elsewhere'));
});
