// Gradio's login: in the page's language, for password managers, for screen readers, and for people who type at once.
import {drawn} from './shell/elements.js';
import {offerOther} from './shell/language.js';

const NAME = {name: 'username', autocomplete: 'username', autocapitalize: 'none', spellcheck: 'false'};
const PASSWORD = {name: 'password', autocomplete: 'current-password'};
document.documentElement.classList.add('vx-login');

function complete() {
  for (const input of document.querySelectorAll('.form :is(input, textarea)')) {
    const wanted = input.type === 'password' ? PASSWORD : NAME;
    if (input.name === wanted.name) continue;
    for (const [name, value] of Object.entries(wanted)) input.setAttribute(name, value);
    if (wanted === NAME) input.focus();
  }
  const wrong = document.querySelector('.creds:not([role])');
  if (!wrong) return;
  wrong.setAttribute('role', 'alert');
  document.querySelector('[name=username]').focus();
}

drawn('button.language').then(offerOther);
drawn('.form :is(input, textarea)').then((input) => {
  complete();
  const changes = {subtree: true, childList: true, attributes: true, attributeFilter: ['type']};
  new MutationObserver(complete).observe(input.closest('.form').parentElement, changes);
});
