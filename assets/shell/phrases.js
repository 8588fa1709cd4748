// Phrases and what fills their places. All of it is English; translate.js has other languages.
export const fill = (words, values) => words.replace(/{(\w+)}/g, (_, name) => values[name]);

// By which an error is known, with the reason where its code has several.
export const codeOf = ({code, values}) => [code, values?.reason].filter(Boolean).join('.');

export function label(element, words) {
  for (const part of element.querySelectorAll('[data-say]')) part.textContent = words[part.dataset.say];
}

const MOST_UP = 1.2;  // times what was shown
const rounded = (value) => value < 90 ? Math.max(1, Math.round(value)) : 60 * Math.round(value / 60);

export const roughly = (value) => value < 90 ? `${rounded(value)} s` : `${rounded(value) / 60} min`;

// The seconds to show where `before` were shown last, null for none: they grow by a fifth at once at most, also as rounded.
// In the cards the server sees to the rest; of a batch it says what it expects.
export function steadied(value, before) {
  if (before === null) return value;
  const most = MOST_UP * rounded(before), step = Math.floor(most);
  return Math.min(value, Math.max(before, rounded(step) <= most ? step : before));
}

export function duration(value) {
  if (value < 59.95) return `${value.toFixed(1)} s`;
  const whole = Math.round(value);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

export const people = (count) => count === 1 ? '1 person' : `${count} people`;
