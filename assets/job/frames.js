// The stream's frames as they come: {rate}, {captions, from}, {retake}, and {sound}, whose bytes follow their line and
// are handed on as far as they are there, in whole samples.
export async function* frames(stream) {
  const NEWLINE = 10;
  const reader = stream.getReader(), decoder = new TextDecoder();
  let bytes = new Uint8Array(0), due = 0;

  function joined(head, tail) {
    if (!head.length) return tail;
    const all = new Uint8Array(head.length + tail.length);
    all.set(head);
    all.set(tail, head.length);
    return all;
  }

  function taken(count) {
    const head = bytes.slice(0, count);
    bytes = bytes.subarray(count);
    return head;
  }

  try {
    for (let {value, done} = await reader.read(); !done; {value, done} = await reader.read()) {
      bytes = joined(bytes, value);
      for (;;) {
        const ready = due ? Math.min(due, bytes.length) & ~1 : bytes.indexOf(NEWLINE) + 1;
        if (!ready) break;
        const head = taken(ready);
        if (due) {
          due -= ready;
          yield {sound: new Int16Array(head.buffer)};
        } else {
          const frame = JSON.parse(decoder.decode(head));
          if ('sound' in frame) due = frame.sound; else yield frame;
        }
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
