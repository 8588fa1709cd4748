// This browser's last results: what was asked for or, of a recording, its transcript, and where the audio is, while the
// server has it. They are kept in localStorage, which all tabs of a browser share, and nowhere else.
const KEY = 'voxdemo-history', MOST = 50;
const unsaved = [];  // where the browser keeps nothing
const isResult = (entry) => typeof entry?.id === 'string' && typeof entry.url === 'string' && typeof entry.asked?.text === 'string';
let asked = null, isKept = true;

function list() {
  try {
    const read = JSON.parse(localStorage.getItem(KEY) ?? '[]');
    return Array.isArray(read) ? read.filter(isResult) : [];
  } catch (error) {
    if (error instanceof SyntaxError) return [];
    isKept = false;
    return unsaved;
  }
}

// What was there when it is called, not when the page was drawn: another tab may have changed it. Of too much for the
// browser the oldest go.
function change(how) {
  let entries = how(list()).sort((one, other) => other.at - one.at).slice(0, MOST);
  while (isKept) {
    try {
      localStorage.setItem(KEY, JSON.stringify(entries));
      break;
    } catch {
      isKept = entries.length > 1;
      if (isKept) entries = entries.slice(0, -1);
    }
  }
  if (!isKept) unsaved.splice(0, unsaved.length, ...entries);
  window.dispatchEvent(new Event('voxdemo-history'));
}

// The settings are those at the press of Speak, `saved` the id of the saved voice. A recording can't be kept.
export function press(names, values, saved) {
  const told = names.map((name, index) => [name, values[index]]).filter(([name]) => name !== 'prompt');
  asked = {...Object.fromEntries(told), saved};
}

// The server has a summary of what it spoke, but none of a recording.
window.addEventListener('voxdemo-result', ({detail: {card, url, total, seed, text, captions, peaks}}) => {
  const told = card === 'vx-heard' ? {asked: {text}, heard: {captions, peaks}} : card === 'vx-card' && asked ? {seed, asked} : null;
  if (!told) return;
  const entry = {id: crypto.getRandomValues(new Uint32Array(2)).join('-'), at: Date.now(), url, total, ...told};
  change((entries) => [entry, ...entries.filter((each) => each.url !== url)]);
});
window.addEventListener('storage', ({key}) => { if (key === KEY || key === null) window.dispatchEvent(new Event('voxdemo-history')); });

export const history = {
  list,
  get isKept() { list(); return isKept; },
  remove: (id) => change((entries) => entries.filter((entry) => entry.id !== id)),
  restore: (removed) => change((entries) => [...removed, ...entries]),
  clear: () => change(() => []),
};
