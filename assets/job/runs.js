// The buttons that start and stop a job, with its card, and their keys.
import {drawn} from '../shell/elements.js';
import {language} from '../shell/phrases.js';
import {answerOf} from '../shell/server.js';
import {state, tab} from '../shell/state.js';
import {audioContext, pauseSound} from './audio_output.js';

const byId = (id) => document.getElementById(id);
const textField = () => document.querySelector('#vx-text textarea');
const hasNoText = () => !textField().value.trim();
const hasNoSound = ({recording}) => !byId(recording)?.querySelector('.waveform-container');
const runs = [
  {go: 'vx-speak', stop: 'vx-cancel', card: 'vx-card', within: 'vx-in', recording: 'vx-prompt', isMissing: hasNoText, fill: textField},
  {go: 'vx-recognise', stop: 'vx-recognise-cancel', card: 'vx-heard', within: 'vx-hear-in', recording: 'vx-recording', isMissing: hasNoSound},
  {go: 'vx-read', stop: 'vx-read-cancel', card: 'vx-reading', recording: 'vx-prompt', isMissing: hasNoSound},
  {go: 'vx-new-read', stop: 'vx-new-read-cancel', card: 'vx-new-reading', recording: 'vx-new-prompt', isMissing: hasNoSound},
  {stop: 'vx-sample-cancel', card: 'vx-sample'},  // voices/samples.js lets it go
  {go: 'vx-batch-start', within: 'vx-batch-in'},  // batch/card.js does all else
];
const isShown = (id) => byId(id)?.offsetParent && getComputedStyle(byId(id)).visibility === 'visible';

function go(run, event) {
  const card = state.cards[run.card];
  if (!card || byId(run.go).disabled) return;
  if (card.isBusy() || card.holds(() => byId(run.go).click())) return event.stopImmediatePropagation();
  if (state.lostAt) return card.lose();  // Gradio heeds nothing meanwhile
  if (isUploading(run)) return waitForUpload(run, card, event);
  if (!run.isMissing(run)) return card.send(() => byId(run.go).click());
  event.stopImmediatePropagation();
  card.refuse();
  run.fill?.().focus({preventScroll: true});
}

const isUploading = ({recording}) => Boolean(byId(recording)?.querySelector('.uploading')?.offsetParent);

// A press that comes while the recording is still on its way counts as soon as that is there.
async function waitForUpload(run, card, event) {
  event.stopImmediatePropagation();
  if (card.awaitsUpload()) return;
  card.awaitUpload();
  while (isUploading(run)) await new Promise(requestAnimationFrame);
  if (!card.awaitsUpload()) return;
  card.rest();
  if (!hasNoSound(run)) byId(run.go).click();
}

function stop(run, event) {
  const card = state.cards[run.card];
  if (card && !card.stop(() => byId(run.stop).click())) event.stopImmediatePropagation();
  byId(run.go)?.focus();
}

// The last result of this tab, after a reload.
async function recall() {
  const last = tab.read('last');
  if (!last?.url || last.text !== textField().value) return;
  const answer = await answerOf(`${last.url}.json`);
  if (answer?.ok) state.cards['vx-card']?.recall({...await answer.json(), url: last.url});
}
window.addEventListener('voxdemo-result', ({detail}) => {
  if (detail.card === 'vx-card') tab.set('last', JSON.stringify({url: detail.url, text: textField().value}));
});

// The first example in the visitor's language, spoken at one click.
async function hearExample() {
  const all = [...document.querySelectorAll('#vx-examples button')], before = textField().value;
  const mine = all.find((each) => language !== 'en' && each.textContent.trim() === '中文') ?? all[0];
  audioContext();  // in the click
  mine.click();
  while (textField().value === before) await new Promise(requestAnimationFrame);
  byId('vx-speak').click();
}

// Gradio loads the page anew when a lost server is back; the text outlives that, in this tab only.
window.addEventListener('pagehide', () => tab.set('text', textField().value));
drawn('#vx-text textarea').then((field) => {
  field.value ||= tab.get('text') ?? '';
  field.dispatchEvent(new Event('input', {bubbles: true}));
  recall();
});

// In the capture phase of the window, so before Gradio hears of the click.
window.addEventListener('click', (event) => {
  for (const run of runs) {
    if (event.target.closest?.(`#${run.go}`)) go(run, event);
    if (event.target.closest?.(`#${run.stop}`)) stop(run, event);
  }
  if (event.target.closest?.('#vx-card .example')) hearExample();
  if (state.lostAt && event.target.closest?.('#vx-recordings button')) state.cards['vx-heard'].lose();
}, true);

document.addEventListener('keydown', (event) => {
  if (!event.isTrusted) return;  // controls.js folds a list by it
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
    const run = runs.find(({within}) => within && event.target.closest(`#${within}`));
    if (run) { event.preventDefault(); byId(run.go).click(); }
  }
  if (event.key === 'Escape' && !document.querySelector('dialog[open]')) {
    const run = runs.find((each) => isShown(each.stop));
    if (run) byId(run.stop).click(); else pauseSound();
  }
});
