// Gradio's lists of choices as the keyboard expects a list. By themselves they open when the Tab key comes to them, over
// what stands there; stay open when it leaves; and drop the focus when something is chosen.
(() => {
  const LISTS = '#vx-voice input, #vx-batch-voice input, #vx-batch-format input';
  const isList = (element) => element.matches?.(LISTS);
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
  window.addEventListener('focusin', ({target}) => { if (lastKey === 'Tab' && isList(target)) setTimeout(fold, 0, target); });
})();
