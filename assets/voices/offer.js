// A text that its voice doesn't speak: said beside the text, with a button for a voice that does.
import {made} from '../shell/elements.js';
import {choose} from './picker.js';

export function offer(element, props, watch) {
  const line = element.querySelector('.offer'), say = line.querySelector('[role=status]'), use = line.querySelector('.use');
  let said = '';

  function paint() {
    const {sentence = '', use: words = '', own_name: ownName = ''} = props.value ?? {};
    if (said !== sentence) say.textContent = said = sentence;  // or it would be read out again
    use.hidden = !words;
    use.replaceChildren(...(words ? [`${words} `, made('span', {translate: false, textContent: ownName})] : []));
    line.classList.toggle('none', !sentence);
  }

  use.addEventListener('click', () => {
    choose(props.value.voice, props.where);
    document.querySelector(props.then).focus();  // the button goes
  });
  watch('value', paint);
  paint();
}
