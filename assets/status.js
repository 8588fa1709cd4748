// Whether the models are ready, at the head of the page; in the banner what is still being loaded while a stand-in serves;
// and below Speak how long the line is. Asks often while the server is away or something loads, else every few seconds,
// and only while somebody sees the page.
voxdemo.status = (element, props, watch, trigger) => {
  const ASK_EVERY_MS = 2000, ASK_OF_PENDING_EVERY_MS = 5000, ASK_OF_THE_LINE_EVERY_MS = 4000;
  const chip = element.querySelector('.chip');
  let state = '', title = props.value.title, pending = false, asking = false;

  const words = {ready: () => `${title}, ready`, loading: (reason) => reason, lost: () => "Can't reach the server"};

  // Gradio knows who has logged in. What they wrote isn't for whoever comes next.
  const out = element.querySelector('.log-out'), {username} = window.gradio_config ?? {};
  out.hidden = !username;
  if (username) out.title = voxdemo.fill('Logged in as {username}', {username});
  out.addEventListener('click', async () => {
    const answer = await fetch(voxdemo.url('logout'), {method: 'POST'}).catch(() => null);
    if (!answer?.ok) return;
    document.querySelector('#vx-text textarea').value = '';
    location.reload();
  });

  function show(next, reason = `${title} is loading`, engine = title) {
    const outdated = (next === 'ready' && state && state !== 'ready') || engine !== title;
    const wasLost = state === 'lost', isLost = next === 'lost';
    state = next;
    if (isLost !== wasLost) turn(isLost);
    title = engine;
    if (outdated) trigger('retry');  // what was told of the engine before
    chip.dataset.state = next;
    const text = words[next](reason.replace(/\.$/, ''));
    if (chip.lastElementChild.textContent !== text) chip.lastElementChild.textContent = text;
  }

  // Its own sentence about that would cover ours, and Gradio has no other language for it.
  function turn(isLost) {
    voxdemo.lostAt = isLost ? performance.now() : 0;
    document.body.classList.toggle('vx-lost', isLost);
    window.dispatchEvent(new Event(isLost ? 'voxdemo-away' : 'voxdemo-back'));
  }

  async function ask() {
    try {
      const answer = await fetch(voxdemo.url('ready'), {cache: 'no-store', signal: AbortSignal.timeout(5000)});
      const {ready, reason, title, notice, ...rest} = await answer.json();
      if (pending && !rest.pending) trigger('retry');
      pending = Boolean(rest.pending);
      show(ready ? 'ready' : 'loading', reason, title);
      const line = document.querySelector('#vx-estimate p:not(.over) span');
      if (line && line.textContent !== rest.line) line.textContent = rest.line;
      const banner = document.querySelector('#vx-banner p');
      if (pending && banner && banner.textContent !== notice) banner.textContent = notice;
    } catch {
      show('lost');
    }
  }

  async function askUntilReady() {
    if (asking) return;
    asking = true;
    for (await ask(); state !== 'ready' || pending; await ask()) {
      const pause = state === 'ready' ? ASK_OF_PENDING_EVERY_MS : ASK_EVERY_MS;
      await new Promise((wake) => setTimeout(wake, pause));
    }
    asking = false;
  }

  const look = () => { if (!document.hidden) askUntilReady(); };
  setInterval(look, ASK_OF_THE_LINE_EVERY_MS);
  document.addEventListener('visibilitychange', look);
  for (const name of ['online', 'offline', 'voxdemo-lost']) window.addEventListener(name, askUntilReady);
  askUntilReady();
};
