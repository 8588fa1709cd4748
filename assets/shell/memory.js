// What outlives a reload: in this tab, or in this browser. A browser may allow neither; then it is forgotten.
const PREFIX = 'voxdemo-';

function memory(name) {
  return {
    get(key) { try { return window[name].getItem(PREFIX + key); } catch { return null; } },
    // Whether it is kept; null forgets it.
    set(key, value) {
      try {
        if (value === null) window[name].removeItem(PREFIX + key); else window[name].setItem(PREFIX + key, value);
        return true;
      } catch {
        return false;
      }
    },
  };
}

export const tab = memory('sessionStorage');
export const browser = memory('localStorage');
