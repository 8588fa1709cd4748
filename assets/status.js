// Whether the models are ready, at the head of the page. Asks until they are, and again when the server was lost.
voxdemo.status = (element, props, watch, trigger) => {
  const ASK_EVERY_MS = 2000;
  const chip = element.querySelector('.chip');
  let state = '', asking = false;

  const title = () => props.value.title;
  const words = {ready: () => `${title()}, ready`, loading: (reason) => reason, lost: () => 'No word from the server'};

  function show(next, reason = `${title()} is loading`) {
    if (next === 'ready' && state && state !== 'ready') trigger('retry');  // what was told before is out of date
    state = next;
    chip.dataset.state = next;
    const text = words[next](reason.replace(/\.$/, ''));
    if (chip.lastElementChild.textContent !== text) chip.lastElementChild.textContent = text;
  }

  async function ask() {
    try {
      const answer = await fetch(voxdemo.url('ready'), {cache: 'no-store', signal: AbortSignal.timeout(5000)});
      const {ready, reason} = await answer.json();
      show(ready ? 'ready' : 'loading', reason);
    } catch {
      show('lost');
    }
  }

  async function askUntilReady() {
    if (asking) return;
    asking = true;
    for (await ask(); state !== 'ready'; await ask()) await new Promise((wake) => setTimeout(wake, ASK_EVERY_MS));
    asking = false;
  }

  for (const name of ['online', 'offline', 'voxdemo-lost']) window.addEventListener(name, askUntilReady);
  askUntilReady();
};
