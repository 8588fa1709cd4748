// The language of the page, settled before Gradio asks the browser for it: what was chosen here, else Chinese for browsers
// in Chinese and English for all others. Gradio has words in many languages, but ours are in these two.
import {browser} from './state.js';

const KEPT = 'language', OFFERED = {en: 'English', 'zh-CN': '中文'};
const kept = browser.get(KEPT);
const theirs = /^zh\b/i.test(navigator.language) ? 'zh-CN' : 'en';
export const language = Object.hasOwn(OFFERED, kept) ? kept : theirs;
const other = language === 'en' ? 'zh-CN' : 'en';
Object.defineProperty(navigator, 'language', {value: language, configurable: true});
document.documentElement.lang = language;

// Lets this button switch to the other language.
export function offerOther(button) {
  Object.assign(button, {textContent: OFFERED[other], lang: other});
  button.addEventListener('click', () => {
    browser.set(KEPT, other);  // or it lasts no longer than this page
    location.reload();
  });
}
