// Hands on what the microphone hears, block by block; asked for it, what it has of the next one, and null. The browser
// runs it on its audio thread, by itself: it imports nothing, and nothing imports it.
const BLOCK = 2048;  // samples, about 43 ms

class Hearing extends AudioWorkletProcessor {
  block = new Float32Array(BLOCK);
  filled = 0;

  constructor() {
    super();
    this.port.onmessage = () => {
      this.port.postMessage(this.block.slice(0, this.filled));
      this.port.postMessage(null);
    };
  }

  process([[channel]]) {
    if (!channel) return true;
    this.block.set(channel, this.filled);
    this.filled += channel.length;
    if (this.filled < BLOCK) return true;
    this.port.postMessage(this.block);
    this.block = new Float32Array(BLOCK);
    this.filled = 0;
    return true;
  }
}

registerProcessor('voxdemo-hearing', Hearing);
