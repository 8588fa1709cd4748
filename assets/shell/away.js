// What is told to somebody who looks elsewhere: the title of a hidden tab shows how far a job is, and a notice of the
// system says that it has ended. Leave for notices is asked for once, when a job is going to take long.
import {say} from './phrases.js';
import {browser} from './state.js';

const ASKED = 'notices', LONG_S = 20, NAME = 'voxdemo';
let line = '', isBusy = false, isPromised = false;

const isAway = () => document.hidden;
const show = () => { document.title = isAway() && line ? `${line} · ${NAME}` : NAME; };

function ask() {
  if (!('Notification' in window) || Notification.permission !== 'default' || browser.get(ASKED)) return;
  if (browser.set(ASKED, 'asked')) Notification.requestPermission();  // without a memory it would be asked again and again
}

function notify(told) {
  if (!isAway() || !isPromised || Notification.permission !== 'granted') return;
  try {
    const notice = new Notification(NAME, {body: told, tag: 'voxdemo'});
    notice.addEventListener('click', () => { window.focus(); notice.close(); });
  } catch { /* Chrome on Android has them for service workers only */ }
}

window.addEventListener('voxdemo-told', ({detail}) => {
  const wasBusy = isBusy;
  isBusy = detail.isBusy;
  const percent = detail.done ? `${Math.round(detail.done * 100)} %` : '';
  line = isBusy ? [percent, say(detail.line)].filter(Boolean).join(' ') : wasBusy || isAway() ? say(detail.line) : '';
  if (isBusy && detail.seconds > LONG_S) {
    isPromised = 'Notification' in window;
    ask();
  }
  if (wasBusy && !isBusy) {
    notify(line);
    isPromised = false;
  }
  show();
});
document.addEventListener('visibilitychange', () => {
  if (!isAway() && !isBusy) line = '';
  show();
});
