// Reads Server-Sent Events from a fetch response. EventSource cannot send a POST or an API key.

/** The frames of a response body as {id, name, data}, without comments. A frame may arrive in any number of chunks. */
export async function* readFrames(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
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

function parseFrame(block) {
  const frame = { id: "", name: "", data: "" };
  for (const line of block.split("\n")) {
    if (line.startsWith("id: ")) frame.id = line.slice(4);
    if (line.startsWith("event: ")) frame.name = line.slice(7);
    if (line.startsWith("data: ")) frame.data += line.slice(6);
  }
  return frame.data ? frame : null;
}
