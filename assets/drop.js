// A file may be dropped anywhere on the page: a recording goes to the field of the tab that is shown, a text to the text.
// What has no place there is told so.
(() => {
  const LONGEST_TEXT = 1 << 20;  // bytes
  const OTHER = 'That file is neither a recording nor a text: drop another one.';
  const NO_SOUND = 'That file is no recording: drop another one.';
  const SOUNDS = /\.(wav|mp3|flac|og[ag]|opus|m4a|aac|webm|mp4|mov|wma|aiff?|amr)$/i;
  const CARDS = {'vx-prompt': 'vx-card', 'vx-recording': 'vx-heard', 'vx-new-prompt': 'vx-new-reading'};
  const shown = (selector) => [...document.querySelectorAll(selector)].find((element) => element.offsetParent);
  const isText = (file) => file.type.startsWith('text/') || /\.(txt|md)$/i.test(file.name);
  const hasFiles = (event) => [...event.dataTransfer?.types ?? []].includes('Files');
  let depth = 0;

  // Its own field takes what is dropped on it, as does whatever else says so.
  const isTaken = ({target}) => target.closest?.('.upload-container, [data-drop]');

  function give(input, file) {
    const files = new DataTransfer();
    files.items.add(file);
    input.files = files.files;
    input.dispatchEvent(new Event('change', {bubbles: true}));
  }

  async function read(file) {
    const field = document.querySelector('#vx-text textarea');
    const text = voxdemo.textOf(new Uint8Array(await file.slice(0, LONGEST_TEXT).arrayBuffer()));
    if (text === null) return voxdemo.cards['vx-card'].tell(OTHER);
    field.value = text;
    field.dispatchEvent(new Event('input', {bubbles: true}));
    field.focus();
  }

  const isSound = (file) => file.type ? /^(audio|video)\//.test(file.type) : SOUNDS.test(file.name);

  // Why the tab that is shown takes no such file. That the voice on the Speak tab copies none stands there in its own words.
  function objection(file, isSpeak) {
    if (!isSound(file)) return isSpeak ? OTHER : NO_SOUND;
    return isSpeak ? document.querySelector('#vx-own-note p')?.textContent : '';
  }

  // What was there is replaced; on the Speak tab the voice is then the recording's.
  async function take(file) {
    const isSpeak = Boolean(shown('#vx-text'));
    if (isSpeak && isText(file)) return read(file);
    const field = isSpeak ? document.querySelector('#vx-prompt') : shown('#vx-recording, #vx-new-prompt');
    const why = objection(file, isSpeak);
    if (why) return voxdemo.cards[CARDS[field.id]].tell(why);
    if (isSpeak) document.querySelector('#vx-kind label:last-of-type input').click();
    field.querySelector('[aria-label="Clear"], [title="Clear"]')?.click();
    for (let tries = 0; tries < 40 && !field.querySelector('input[type=file]'); tries++) await new Promise(requestAnimationFrame);
    const input = field.querySelector('input[type=file]');
    if (input) give(input, file);
  }

  const isOurs = (event) => hasFiles(event) && shown('#vx-text, #vx-recording, #vx-new-prompt') && !isTaken(event);
  const mark = (by) => {
    depth = Math.max(0, depth + by);
    document.body.classList.toggle('vx-dragged', depth > 0);
  };
  window.addEventListener('dragenter', (event) => { if (hasFiles(event)) mark(1); });
  window.addEventListener('dragleave', (event) => { if (hasFiles(event)) mark(-1); });
  window.addEventListener('dragover', (event) => { if (hasFiles(event)) event.preventDefault(); });  // or it would leave the page
  window.addEventListener('drop', (event) => {
    mark(-depth);
    if (hasFiles(event) && !isTaken(event)) event.preventDefault();  // or the file would take the page's place
    if (!isOurs(event)) return;
    event.stopImmediatePropagation();
    take(event.dataTransfer.files[0]);
  }, true);
})();
