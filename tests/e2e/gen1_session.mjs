// A polling session as the published client keeps one: a state request every 500 ms that echoes the user state it was
// given, an SSE stream beside it, a wallet that answers what it is asked. Prints what it saw as one line of JSON.
const [url, sessionId, apiKey, script] = process.argv.slice(2);
const clientId = crypto.randomUUID();
const seen = { signed: [], announced: [], sse: [], polls: 0, answers: {}, errors: [] };
let userState = { address: "0x" + "1".repeat(40), chain_id: 1, is_connected: true, ext: { client_type: "test" } };
let messages = [];
let pending = new Map();

const headers = (more = {}) => ({ "X-Session-Id": sessionId, ...more });
const query = (fields) => new URLSearchParams(Object.entries(fields).filter(([, value]) => value !== undefined));
const texts = () => messages.filter((message) => message.sender === "agent").map((message) => message.content);

async function call(method, path, fields = {}, more = {}) {
  const response = await fetch(`${url}${path}?${query(fields)}`, { method, headers: headers(more) });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

async function listen() {
  for (let pause = 500; ; pause = Math.min(pause * 2, 10_000)) {
    try {
      const response = await fetch(`${url}/api/updates`, { headers: headers({ Accept: "text/event-stream" }) });
      if (!response.ok) throw new Error(`SSE ${response.status}`);
      let rest = "";
      for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
        const frames = (rest + chunk).split("\n\n");
        rest = frames.pop();
        for (const frame of frames) {
          const data = frame.split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5)).join("\n");
          if (data) seen.sse.push(JSON.parse(data));
        }
      }
    } catch (error) {
      seen.errors.push(String(error));
    }
    await new Promise((wake) => setTimeout(wake, pause));
  }
}

function apply(state) {
  userState = state.user_state;
  messages = state.messages;
  pending = new Map(Object.entries(userState.pending_txs).map(([id, tx]) => [Number(id), tx]));
  for (const event of state.system_events) {
    const request = event.InlineCall;
    if (request?.type === "wallet_tx_request") seen.announced.push(...request.payload.tx_ids);
  }
}

async function sign() {
  const asked = pending.size > 0;
  for (const [id, tx] of pending) {
    if (seen.signed.some((known) => known.id === id)) throw new Error(`asked to sign ${id} again`);
    seen.signed.push({ id, ...tx });
    const payload = { txHash: "0x" + "ab".repeat(32), status: "success", pending_tx_ids: [id] };
    const message = JSON.stringify({ type: "wallet:tx_complete", payload });
    const answer = await call("POST", "/api/system", { message });
    if (answer.res.content.startsWith("Refused")) throw new Error(answer.res.content);
    pending.delete(id);
  }
  return asked;
}

async function turn(message, stopAt) {
  const fields = { message, app: "scripted", user_state: JSON.stringify(userState), client_id: clientId };
  let state = await call("POST", "/api/chat", fields, { "X-API-Key": apiKey });
  if (!state.messages.some(({ content }) => content === message)) throw new Error("the reply has not the user's message");
  apply(state);
  let answered = false;
  while (state.is_processing || pending.size || answered) {
    await new Promise((wake) => setTimeout(wake, 500));
    state = await call("GET", "/api/state", { user_state: JSON.stringify(userState), client_id: clientId });
    seen.polls += 1;
    apply(state);
    if (stopAt && texts().at(-1)?.includes(stopAt)) {
      state = await call("POST", "/api/interrupt");
      if (state.is_processing !== false) throw new Error("an interrupt left the session processing");
      apply(state);
    } else {
      answered = await sign(); // only the next poll says whether that set the session to work
    }
  }
  seen.answers[message] = texts().at(-1);
}

void listen();
while (!seen.sse.length) await new Promise((wake) => setTimeout(wake, 20));
for (const { message, stopAt } of JSON.parse(script)) await turn(message, stopAt);
console.log(JSON.stringify({ ...seen, messages, user_state: userState }));
process.exit(0);
