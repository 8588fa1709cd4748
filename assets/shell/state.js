// What the parts of the page know of each other.
export const state = {
  cards: {},  // by the id of their component
  lostAt: 0,  // since when there is no word from the server, in ms of performance.now(); 0 while there is
  words: {},  // what the parts say that have no component of their own
  taken: [],  // the names of what Speak sends that the voice heeds
};

export const takes = (name) => state.taken.includes(name);
