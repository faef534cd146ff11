// A chat with aomi-backend in plain JavaScript, for browsers and Node: it streams, resumes and stops.

/** The chat of one session. `send` and `resume` yield each event once, up to the turn's `complete` or `error`. */
export function connect(base, session) {
  const headers = { "Content-Type": "application/json", "X-Session-Id": session };
  const get = (url, cursor) => fetch(new URL(url, base), { headers: { ...headers, "Last-Event-ID": cursor } });
  const post = (path, body, key) =>
    fetch(new URL(path, base), { method: "POST", headers: { ...headers, "Idempotency-Key": key }, body });

  async function* follow(send, url) {
    for (let cursor = "0", delay = 250; ; delay = Math.min(2 * delay, 8000)) {
      try {
        const response = await (url ? get(url, cursor) : send());
        if (response.status === 204) return; // no turn, or nothing more of it
        if (!response.ok) throw Object.assign(new Error((await response.json()).error), { status: response.status });
        url = response.headers.get("Location"); // resumes this turn
        for await (const [id, event] of readFrames(response)) {
          [cursor, delay] = [id, 250];
          yield event;
          if (event.type === "complete" || event.type === "error") return;
        }
      } catch (error) {
        if (error.status && ![429, 503].includes(error.status)) throw error; // refused: a retry is useless
      }
      await new Promise((resolve) => setTimeout(resolve, delay)); // then resume behind the cursor
    }
  }

  return {
    send: (text, key = crypto.randomUUID()) => // with the same key, a retry runs no second turn
      follow(() => post("/api/chat?ids=1", JSON.stringify({ text }), key)),
    resume: () => follow(null, `/api/chat?session_id=${session}`), // after a reload: the current or last turn
    stop: () => post("/api/interrupt", "", ""),
  };
}

async function* readFrames({ body, headers }) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  const longest = 5000 + 2000 * (headers.get("X-Keep-Alive") ?? 10); // silence of a connection that is not lost
  let timer;
  const silence = () => new Promise((resolve) => (timer = setTimeout(resolve, longest, { done: true })));
  const next = () => Promise.race([reader.read(), silence()]).finally(() => clearTimeout(timer));
  try {
    for (let buffer = "", chunk; !(chunk = await next()).done; ) {
      const frames = (buffer + chunk.value).split("\n\n");
      buffer = frames.pop();
      for (const [, id, data] of frames.join("\n\n").matchAll(/^id: (.*)\ndata: (.*)$/gm)) yield [id, JSON.parse(data)];
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
