// The language of the page, settled before Gradio asks the browser for it: what was chosen here, else Chinese for browsers
// in Chinese and English for all others. Gradio has words in many languages, but ours are in these two.
(() => {
  const KEPT = 'voxdemo-language', OFFERED = {en: 'English', 'zh-CN': '中文'};
  const kept = () => { try { return localStorage.getItem(KEPT); } catch { return null; } };
  const theirs = /^zh\b/i.test(navigator.language) ? 'zh-CN' : 'en';
  const language = Object.hasOwn(OFFERED, kept()) ? kept() : theirs;
  const other = language === 'en' ? 'zh-CN' : 'en';
  Object.defineProperty(navigator, 'language', {value: language, configurable: true});
  document.documentElement.lang = language;

  function choose() {
    try { localStorage.setItem(KEPT, other); } catch { /* then it lasts no longer than this page */ }
    location.reload();
  }

  // Buttons that offer the other language, wherever and whenever they are drawn.
  function offer() {
    for (const button of document.querySelectorAll('button.language:empty')) {
      Object.assign(button, {textContent: OFFERED[other], lang: other});
      button.addEventListener('click', choose);
    }
  }
  new MutationObserver(offer).observe(document.documentElement, {subtree: true, childList: true});
})();
