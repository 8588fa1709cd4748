// Says beside a field of the Speak tab, named as what is asked for, what is wrong with it, until it is changed.
const FIELDS = {text: '#vx-text', seed: '#vx-seed', control: '#vx-control', prompt_audio: '#vx-prompt', prompt_text: '#vx-prompt-text'};
const CHANGES = ['input', 'change', 'click'];

export function markWrong(name, sentence) {
  const block = name && document.querySelector(FIELDS[name]), field = block?.querySelector('textarea, input');
  if (!field) return;
  const note = block.querySelector('.wrong') ?? block.appendChild(document.createElement('p'));
  Object.assign(note, {className: 'wrong', id: `${block.id}-wrong`, textContent: sentence});
  field.setAttribute('aria-invalid', 'true');
  field.setAttribute('aria-describedby', note.id);
  const settle = () => {
    note.remove();
    field.removeAttribute('aria-invalid');
    field.removeAttribute('aria-describedby');
    for (const change of CHANGES) window.removeEventListener(change, unsettle, true);
  };
  const unsettle = ({type, target}) => {
    if (type === 'click' ? target.closest?.('#vx-speak, #vx-examples button') : block.contains(target)) settle();
  };
  for (const change of CHANGES) window.addEventListener(change, unsettle, true);
}
