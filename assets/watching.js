// Lets the Status tab look again while somebody sees it, and only then: when it comes into view, and every few seconds.
// Where there was no answer, it is looked whether the server is there.
voxdemo.watching = (element, watch, everyMs, ask) => {
  let isAnswered = true;
  watch('value', () => { isAnswered = true; });

  function look() {
    if (!element.offsetParent || document.hidden) return;
    if (!isAnswered) window.dispatchEvent(new Event('voxdemo-lost'));
    isAnswered = false;
    ask();
  }

  new IntersectionObserver(look).observe(element);
  document.addEventListener('visibilitychange', look);
  setInterval(look, everyMs);
};
