// Bars on a canvas: the wave of a sound, and the level of a microphone.
const BAR = 3, PITCH = 5;  // width of a bar, and the distance from one to the next, in px
const LOWEST = 3;  // px
const BARS_PER_S = 10;  // of a wave that isn't whole yet
const MOST_PEAKS = 600;
const shown = new WeakMap();  // by canvas

// `barAt(bar, count)` tells the height of a bar, from 0 to 1, and the name of its colour. What is there stays: this is
// called for each frame.
function drawBars(canvas, barAt) {
  const scale = devicePixelRatio, {clientWidth: width, clientHeight: height} = canvas;
  if (!width) return;
  const style = getComputedStyle(canvas), count = Math.floor(width / PITCH), colours = {};
  const bars = Array.from({length: count}, (_, bar) => barAt(bar, count)).map(([part, name]) =>
    [Math.max(LOWEST, part * height), colours[name] ??= style.getPropertyValue(name)]);
  const all = JSON.stringify([width, height, scale, bars]);
  if (shown.get(canvas) === all) return;
  shown.set(canvas, all);
  canvas.width = width * scale;
  canvas.height = height * scale;
  const pen = canvas.getContext('2d');
  pen.scale(scale, scale);
  bars.forEach(([size, colour], bar) => {
    pen.fillStyle = colour;
    pen.beginPath();
    pen.roundRect(bar * PITCH, (height - size) / 2, BAR, size, BAR / 2);
    pen.fill();
  });
}

// The wave, whose part that was heard has another colour. `peaks` are percent of the canvas's height; `at` and `total`
// seconds. A wave that `isDrawn` has all of its peaks.
export function drawWave(canvas, {peaks, total, isDrawn}, at) {
  const all = isDrawn ? peaks.length : Math.max(peaks.length, total * BARS_PER_S), reached = total ? at / total : 0;
  drawBars(canvas, (bar, count) => {
    const from = Math.floor(bar / count * all), to = Math.max(from + 1, Math.floor((bar + 1) / count * all));
    const colour = from >= peaks.length ? '--vx-edge-soft' : bar / count < reached ? '--vx-accent' : '--vx-edge';
    return [Math.max(0, ...peaks.slice(from, to)) / 100, colour];
  });
}

// Of levels from 0 to 1 the loudest of every few, in percent, so that the wave of half an hour is no longer than a minute's.
export function peaksOf(levels) {
  const each = Math.max(1, Math.ceil(levels.length / MOST_PEAKS));
  return Array.from({length: Math.ceil(levels.length / each)}, (_, index) =>
    Math.round(100 * Math.max(...levels.slice(index * each, (index + 1) * each))));
}

// The last levels, from 0 to 1, which come in from the right.
export function drawLevel(canvas, levels) {
  drawBars(canvas, (bar, count) => {
    const level = levels[levels.length - count + bar];
    return [level ?? 0, level === undefined ? '--vx-edge-soft' : '--vx-accent'];
  });
}
