// Reading Server-Sent Events out of a fetch: EventSource can send neither a POST nor a key.

/** The frames of a stream as {id, data}; comments are left out. A frame may come in any number of pieces. */
export async function* frames(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const parts = (rest + value).split("\n\n");
      rest = parts.pop();
      for (const part of parts) {
        const frame = parse(part);
        if (frame) yield frame;
      }
    }
  } finally {
    reader.cancel().catch(() => {}); // it may have broken off already
  }
}

function parse(part) {
  const frame = { id: "", data: "" };
  for (const line of part.split("\n")) {
    if (line.startsWith("id: ")) frame.id = line.slice(4);
    if (line.startsWith("data: ")) frame.data += line.slice(6);
  }
  return frame.data ? frame : null;
}
