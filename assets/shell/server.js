// The server as the page reaches it: addresses below the page's own, and what every answer of it may mean.
import {saying} from './phrases.js';
import {state} from './state.js';

const NOTICE_MS = 10000;
export const UNREACHED = "Can't reach the server. Try again in a moment.";

// Relative to the page, which may be served below a sub-path, with or without a slash at its end.
export const url = (path) => new URL(path, location.origin + location.pathname.replace(/\/?$/, '/')).href;

// The answer to a request for this path, which no cache may give; null where the server can't be reached.
export const answerOf = (path, options) => fetch(url(path), {cache: 'no-store', ...options}).catch(() => null);

// Has the head of the page look whether the server is there, and say so.
export const checkServer = () => window.dispatchEvent(new Event('voxdemo-lost'));

// What somebody asks for too much of is refused in HTTP; of that Gradio's page learns only that something failed, and it
// shows all of the answer to an upload. Meanwhile its own notice is hidden: the card says the same and counts down.
const ask = window.fetch.bind(window);
let noticed = 0;

const unreached = (error) => {
  if (error instanceof TypeError) checkServer();
  throw error;
};

window.fetch = async (...request) => {
  const answer = await ask(...request).catch(unreached);
  if (answer.status !== 429) return answer;
  const {detail: message = '', ...told} = await answer.clone().json().catch(() => ({})), error = {message, ...told};
  if (answer.url.includes('/upload')) return Object.assign(new Response(saying(error), {status: 429, headers: answer.headers}), {error});
  for (const card of Object.values(state.cards)) card.limit(Number(answer.headers.get('Retry-After')), error);
  document.body.classList.add('vx-told');
  clearTimeout(noticed);
  noticed = setTimeout(() => document.body.classList.remove('vx-told'), NOTICE_MS);
  return answer;
};
