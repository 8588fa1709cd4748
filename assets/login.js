// Gradio's login: for password managers, for screen readers, and for whoever types at once.
(() => {
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
  new MutationObserver(complete)
    .observe(document.documentElement, {subtree: true, childList: true, attributes: true, attributeFilter: ['type']});
})();
