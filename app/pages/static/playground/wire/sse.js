// Reads Server-Sent Events from a fetch response. EventSource cannot send a POST or an API key.

const KEEP_ALIVE = 10; // seconds between two signs of life of a stream whose response does not say so

/**
 * The frames of a response as {id, name, data}, without comments. A frame may arrive in any number of chunks. They end with
 * its body, or when nothing at all arrives for more than twice as long as its signs of life are apart.
 */
export async function* readFrames(response) {
  const silence = 5_000 + 2_000 * Number(response.headers.get("X-Keep-Alive") ?? KEEP_ALIVE); // milliseconds
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
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
  const frame = { id: "", name: "", data: "" };
  for (const line of block.split("\n")) {
    if (line.startsWith("id: ")) frame.id = line.slice(4);
    if (line.startsWith("event: ")) frame.name = line.slice(7);
    if (line.startsWith("data: ")) frame.data += line.slice(6);
  }
  return frame.data ? frame : null;
}
