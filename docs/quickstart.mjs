// A chat with aomi-backend in plain JavaScript, for browsers and Node: it streams, resumes and stops.

/** The chat of one session. `send` and `resume` give events, each once, up to the turn's `complete` or `error`. */
export function connect(base, session) {
  const headers = { "Content-Type": "application/json", "X-Session-Id": session };
  const get = (address, last) => fetch(new URL(address, base), { headers: { ...headers, "Last-Event-ID": last } });
  const post = (path, body, key) =>
    fetch(new URL(path, base), { method: "POST", headers: { ...headers, "Idempotency-Key": key }, body });

  async function* follow(send, address) {
    for (let last = "0", pause = 250; ; pause = Math.min(2 * pause, 8000)) {
      try {
        const response = await (address ? get(address, last) : send());
        if (response.status === 204) return; // nothing (more) to show
        if (!response.ok) throw Object.assign(new Error((await response.json()).error), { status: response.status });
        address = response.headers.get("Location"); // of this turn, in case the connection breaks
        for await (const [id, event] of frames(response.body)) {
          [last, pause] = [id, 250];
          yield event;
          if (event.type === "complete" || event.type === "error") return;
        }
      } catch (error) {
        if (error.status && ![429, 503].includes(error.status)) throw error; // refused: a retry would not help
      }
      await new Promise((resolve) => setTimeout(resolve, pause)); // cut off: continue after the last event
    }
  }

  return {
    send: (text, key = crypto.randomUUID()) => // sent twice with one key, it runs once
      follow(() => post("/api/chat?ids=1", JSON.stringify({ text }), key)),
    resume: () => follow(null, `/api/chat?session_id=${session}`), // after a reload: the current turn, or the last
    stop: () => post("/api/interrupt", "", ""),
  };
}

async function* frames(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (let rest = "", part; !(part = await reader.read()).done; ) {
      const whole = (rest + part.value).split("\n\n");
      rest = whole.pop();
      const events = whole.map((frame) => frame.match(/^id: (.*)\ndata: (.*)$/)).filter(Boolean); // no comments
      for (const [, id, data] of events) yield [id, JSON.parse(data)];
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
