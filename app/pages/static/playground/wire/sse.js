// Reads Server-Sent Events from a fetch response. EventSource cannot send a POST or an API key.

/**
 * The frames of a response body as {id, data}, without comments. A frame may arrive in any number of chunks. They end
 * with the body, or once nothing at all has arrived for `silence` milliseconds.
 */
export async function* readFrames(body, silence) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  try {
    for (;;) {
      const { value, done } = await readWithin(silence, reader);
      if (done) return;
      const blocks = (buffer + value).split("\n\n");
      buffer = blocks.pop();
      for (const block of blocks) {
        const frame = parseFrame(block);
        if (frame) yield frame;
      }
    }
  } finally {
    reader.cancel().catch(() => {}); // the connection may be broken already
  }
}

/** The next piece; the end if it does not arrive within `silence` milliseconds. */
async function readWithin(silence, reader) {
  const timer = setTimeout(() => reader.cancel().catch(() => {}), silence);
  try {
    return await reader.read();
  } finally {
    clearTimeout(timer);
  }
}

function parseFrame(block) {
  const frame = { id: "", data: "" };
  for (const line of block.split("\n")) {
    if (line.startsWith("id: ")) frame.id = line.slice(4);
    if (line.startsWith("data: ")) frame.data += line.slice(6);
  }
  return frame.data ? frame : null;
}
