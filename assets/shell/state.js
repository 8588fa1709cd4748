// What the parts of the page know of each other, and what of it outlives a reload.
export const state = {
  cards: {},  // by the id of their component
  lostAt: 0,  // since when there is no word from the server, in ms of performance.now(); 0 while there is
  isOpen: true,  // whether people may use /v1/
  noCopies: '',  // what is said where voices can't be copied
  taken: [],  // the names of what Speak sends that the voice heeds
  names: [],  // of all that Speak sends, in its order
  usual: {},  // how that is at first
};

export const takes = (name) => state.taken.includes(name);

// An id that nothing else has. The browser's own `randomUUID` is there over https only.
export const newId = () => [...crypto.getRandomValues(new Uint32Array(4))].map((number) => number.toString(36)).join('-');

// Kept in this tab, or in this browser. A browser may allow neither; then it is forgotten.
function memory(name) {
  const key = (of) => `voxdemo-${of}`;
  return {
    get(of) { try { return window[name].getItem(key(of)); } catch { return null; } },
    // What was kept as JSON; null where it is none.
    read(of) { try { return JSON.parse(this.get(of)); } catch { return null; } },
    // Whether it is kept; null forgets it.
    set(of, value) {
      try {
        if (value === null) window[name].removeItem(key(of)); else window[name].setItem(key(of), value);
        return true;
      } catch {
        return false;
      }
    },
  };
}

export const tab = memory('sessionStorage');
export const browser = memory('localStorage');
