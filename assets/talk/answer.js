// An answer as the server sends it, event by event, from `/v1/talk`. It knows nothing of what people see and hear.
import {answerOf} from '../shell/server.js';

// Yields the events; the last one is `talk.done`, or `error` with what went wrong, {} where the connection broke off.
export async function* answered(body, signal) {
  const headers = {'Content-Type': 'application/json'};
  const answer = await answerOf('v1/talk', {method: 'POST', headers, body: JSON.stringify(body), signal});
  if (signal.aborted) return;
  if (!answer?.ok) {
    const {error = {}} = await answer?.json().catch(() => ({})) ?? {};
    yield {type: 'error', error, status: answer?.status, wait: Number(answer?.headers.get('Retry-After'))};
    return;
  }
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '', last = {};
  try {
    for (let {value, done} = await reader.read(); !done; {value, done} = await reader.read()) {
      const events = (text + value).split('\n\n');
      text = events.pop();
      for (const event of events) {
        last = JSON.parse(event.replace(/^data: /, ''));
        yield last;
      }
    }
  } catch {
    if (signal.aborted) return;
  } finally {
    reader.cancel().catch(() => {});
  }
  if (last.type !== 'talk.done' && last.type !== 'error') yield {type: 'error', error: {}};
}
