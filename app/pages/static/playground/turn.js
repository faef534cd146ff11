// One turn: what the model said and did in answer to one message. Made of its events, or of the history's messages.

/** One tool call. `steps` are later results of a multi-step tool; `took` is in milliseconds, where it was seen. */
class Call {
  kind = "tool";
  result = undefined;
  steps = [];
  done = false;
  took = null;

  constructor({ call_id, name, args }, startedAt) {
    this.id = call_id;
    this.name = name;
    this.args = args;
    this.startedAt = startedAt;
  }

  /** Take over what was known of it before its events were replayed. */
  inherit({ startedAt, steps, done }) {
    Object.assign(this, { startedAt, steps, done, replayed: true });
  }

  get answered() {
    return this.result !== undefined;
  }

  answer(result) {
    this.result = result;
  }

  step({ result, done }, at) {
    if (result !== null) this.steps.push({ result, at });
    this.done = Boolean(done);
  }
}

export class Turn {
  kind = "turn";
  parts = [];
  end = ""; // complete, interrupted or error
  error = null;
  stopping = false;
  /** How many messages of the person stand before it; 0 if that is not known. */
  place = 0;

  /** `before` is what was known of the same turn before its events were replayed. */
  constructor(runId, before = null) {
    this.runId = runId;
    this.key = runId;
    this._before = before;
  }

  get open() {
    return !this.end;
  }

  get text() {
    return this.parts.filter((part) => part.kind === "text").map((part) => part.text).join("");
  }

  get calls() {
    return this.parts.filter((part) => part.kind === "tool");
  }

  call(id) {
    return this.calls.findLast((call) => call.id === id);
  }

  /** Take an event of the chat stream. */
  take(event) {
    if (event.type === "text") this._text(event.content);
    if (event.type === "tool_call") this._call(event);
    if (event.type === "tool_result") this._result(event, new Date());
    if (event.type === "complete") this.end = event.interrupted ? "interrupted" : "complete";
    if (event.type === "error") {
      this.end = "error";
      this.error = event;
    }
    // Later steps of tools are taken from /api/updates, which has all of them, each once.
  }

  /** Take a message of the history. */
  read(message) {
    if (message.content) this._text(message.content);
    for (const call of message.tool_calls ?? []) this.parts.push(new Call(call, new Date(message.created_at)));
    for (const result of message.tool_results ?? []) this._result(result, null);
    this.end = message.interrupted ? "interrupted" : "complete";
  }

  _text(content) {
    const last = this.parts.at(-1);
    if (last?.kind === "text") last.text += content;
    else this.parts.push({ kind: "text", text: content });
  }

  _call(event) {
    const call = new Call(event, new Date());
    const known = this._before?.call(event.call_id);
    if (known) call.inherit(known);
    this.parts.push(call);
  }

  _result({ call_id, result }, now) {
    const call = this.call(call_id);
    if (!call) return;
    call.answer(result);
    if (now && !call.replayed) call.took = now - call.startedAt;
  }
}
