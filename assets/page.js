// The page's scripts: what each part does by itself, and, as `voxdemo`, what its components call.
import './shell/tabs.js';
import './shell/away.js';
import './shell/controls.js';
import './shell/drop.js';
import './job/runs.js';
import './job/transcript.js';
import * as batch from './batch/card.js';
import {linesField} from './batch/lines.js';
import {card} from './job/card.js';
import {historyTab, press, usedAgain} from './job/history.js';
import {arrived, arriving, share, shared} from './job/share.js';
import {state} from './shell/state.js';
import {board, head} from './shell/status.js';
import {live} from './live/live.js';
import {talk} from './talk/talk.js';
import {linked} from './voices/catalogue.js';
import {form, keep, measure} from './voices/form.js';
import {ownList} from './voices/lists.js';
import {offer} from './voices/offer.js';
import {begin, choose as chooseOwn, picked} from './voices/own_voices.js';
import {along, asked, called, choose, chosen, picker, shown, voicesTab} from './voices/picker.js';
import {heard, wanted} from './voices/samples.js';

window.voxdemo = {
  cards: state.cards,
  head(element, props, trigger) {
    begin(props);
    head(element, props, trigger);
  },
  board, card, live, talk, share, shared, arriving, arrived,
  history: {
    tab: (element, props, use) => historyTab(element, props, chooseOwn, use),
    press: (values) => press(values, picked()?.id ?? ''),
    used: usedAgain,
  },
  voices: {picker, linked, choose, chosen, shown, along, asked, called, tab: voicesTab, wanted, heard, own: ownList, form, measure, keep, offer},
  batch: {...batch, lines: linesField},
};
