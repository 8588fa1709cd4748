// Elements of the page, made and awaited; a file for the visitor; a pause.

// Firefox has ARIA as properties since 119 only; before, these attributes are set here.
for (const name of ['Label', 'Current', 'Pressed', 'Busy', 'Hidden'].filter((each) => !(`aria${each}` in Element.prototype))) {
  const attribute = `aria-${name.toLowerCase()}`;
  Object.defineProperty(Element.prototype, `aria${name}`, {
    get() { return this.getAttribute(attribute); },
    set(value) { if (value === null) this.removeAttribute(attribute); else this.setAttribute(attribute, value); },
  });
}

export function made(tag, values = {}, ...children) {
  const element = Object.assign(document.createElement(tag), values);
  element.append(...children);
  return element;
}

export const button = (className, textContent, ariaLabel, act) =>
  made('button', {type: 'button', className, textContent, ariaLabel, onclick: ({currentTarget}) => act(currentTarget)});

// Each of these texts that isn't empty as an element.
export const spans = (texts, values = {}) => texts.filter(Boolean).map((textContent) => made('span', {textContent, ...values}));

// Copies this text, and says so; `tell` is called with why where the browser doesn't allow it.
export function copyButton(className, text, label, tell) {
  return button(className, "Copy", label, async (pressed) => {
    const isCopied = await navigator.clipboard?.writeText(text).then(() => true, () => false);
    pressed.textContent = isCopied ? "Copied" : "Copy";
    if (!isCopied) tell("Copying works only over https.");
  });
}

// Hands the browser a file to save.
export function save(blob, name) {
  const href = URL.createObjectURL(blob);
  made('a', {href, download: name}).click();
  setTimeout(() => URL.revokeObjectURL(href), 60000);
}

export const saveText = (text, name) => save(new Blob([text], {type: 'text/plain;charset=utf-8'}), name);

// What would take the place of the text on Speak is asked for by a second press, soon after the first.
const SURE_MS = 4000;
let sureOf = null;

export function sure(pressed, act) {
  if (sureOf === pressed) {
    sureOf = null;
    return act();
  }
  const before = pressed.textContent;
  sureOf = pressed;
  pressed.textContent = "Replace your text?";
  setTimeout(() => {
    if (sureOf === pressed) sureOf = null;
    pressed.textContent = before;
  }, SURE_MS);
}

export const sleep = (ms) => new Promise((wake) => setTimeout(wake, ms));

// The first element that fits, as soon as Gradio has drawn it.
export const drawn = (selector) => new Promise((resolve) => {
  const look = () => {
    const element = document.querySelector(selector);
    if (!element) return;
    changes.disconnect();
    setTimeout(resolve, 0, element);  // Gradio has then given it its events
  };
  const changes = new MutationObserver(look);
  changes.observe(document.body, {subtree: true, childList: true});
  look();
});
