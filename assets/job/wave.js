// The wave of a sound, whose part that was heard has another colour.
const BAR = 3, PITCH = 5;  // width of a bar, and the distance from one to the next, in px
const BARS_PER_S = 10;  // of a wave that isn't whole yet

// `peaks` are percent of the canvas's height; `at` and `total` seconds. A wave that `isDrawn` has all of its peaks.
export function drawWave(canvas, {peaks, total, isDrawn}, at) {
  const scale = devicePixelRatio, width = canvas.clientWidth, height = canvas.clientHeight;
  if (!width) return;
  canvas.width = width * scale;
  canvas.height = height * scale;
  const pen = canvas.getContext('2d'), style = getComputedStyle(canvas), count = Math.floor(width / PITCH);
  const [ahead, heard, none] = ['--vx-edge', '--vx-accent', '--vx-edge-soft'].map((name) => style.getPropertyValue(name));
  const all = isDrawn ? peaks.length : Math.max(peaks.length, total * BARS_PER_S), reached = total ? at / total : 0;
  pen.scale(scale, scale);
  for (let bar = 0; bar < count; bar++) {
    const from = Math.floor(bar / count * all), to = Math.max(from + 1, Math.floor((bar + 1) / count * all));
    const size = Math.max(3, Math.max(0, ...peaks.slice(from, to)) / 100 * height);
    pen.fillStyle = from >= peaks.length ? none : bar / count < reached ? heard : ahead;
    pen.beginPath();
    pen.roundRect(bar * PITCH, (height - size) / 2, BAR, size, BAR / 2);
    pen.fill();
  }
}
