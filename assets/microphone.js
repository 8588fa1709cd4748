// While somebody records: how loud it is, and in a sentence why there is no microphone. Recording itself is Gradio's.
(() => {
  const QUIET_DB = -60, SECURE = 'The microphone works only over https. Open the page at its https address, or upload a recording.';
  const WHY = {
    NotAllowedError: "The microphone is blocked for this site. Allow it in your browser, then record again.",
    NotFoundError: 'No microphone found. Connect one and record again, or upload a recording.',
    NotReadableError: 'Another program is using the microphone. Close it and record again.',
  };
  const CARDS = {'vx-recording': 'vx-heard', 'vx-prompt': 'vx-reading', 'vx-new-prompt': 'vx-new-reading'};
  let asked = null;  // the field whose button was pressed last

  const say = (sentence) => voxdemo.cards[CARDS[asked?.id]]?.tell(sentence);

  // The level in decibels below full scale, as a share of what can be seen.
  function meter(stream) {
    const context = new AudioContext(), listener = context.createAnalyser(), field = asked;
    const bar = Object.assign(document.createElement('div'), {className: 'loudness'});
    const samples = new Float32Array(listener.fftSize);
    context.createMediaStreamSource(stream).connect(listener);
    for (const [name, value] of Object.entries({role: 'meter', 'aria-label': 'Loudness', 'aria-valuemin': 0, 'aria-valuemax': 100})) {
      bar.setAttribute(name, value);
    }
    bar.append(document.createElement('i'));
    field?.append(bar);

    function draw() {
      if (stream.getTracks().every((track) => track.readyState === 'ended')) {
        bar.remove();
        return context.close();
      }
      listener.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      const level = Math.max(0, Math.min(1, 1 - 10 * Math.log10(power + 1e-9) / QUIET_DB));
      bar.firstChild.style.transform = `scaleX(${level})`;
      bar.setAttribute('aria-valuenow', Math.round(100 * level));
      requestAnimationFrame(draw);
    }
    draw();
  }

  for (const event of ['pointerdown', 'keydown']) {
    window.addEventListener(event, ({target}) => {
      const field = target.closest?.(Object.keys(CARDS).map((id) => `#${id}`).join());
      if (!field) return;
      asked = field;
      if (!navigator.mediaDevices && target.closest('[aria-label="Record audio"], .record')) say(SECURE);
    }, true);
  }
  if (!navigator.mediaDevices) return;
  const lend = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    try {
      const stream = await lend(wanted);
      if (asked?.offsetParent) meter(stream);
      return stream;
    } catch (error) {
      say(WHY[error.name] ?? WHY.NotReadableError);
      throw error;
    }
  };
})();
