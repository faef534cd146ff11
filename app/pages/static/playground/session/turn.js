// One turn: what the model said and which tools it called in reply to one message.

/**
 * One tool call. `steps` are the later results of a multi-step tool, which `goesOn` until it is `done`; `duration` of the
 * first result is in milliseconds, null if not seen.
 */
class ToolCall {
  kind = "tool";
  result = undefined;
  isEdited = false; // whether a person has put other arguments in the place of the model's
  steps = [];
  goesOn = false;
  done = false;
  duration = null;

  constructor({ call_id, name, args }, startedAt) {
    this.id = call_id;
    this.name = name;
    this.args = args;
    this.startedAt = startedAt;
  }

  get hasResult() {
    return this.result !== undefined;
  }

  /** Whether it has not come to its end: it has no result yet, or later steps follow. */
  get isRunning() {
    return !this.hasResult || ((this.goesOn || this.steps.length > 0) && !this.done);
  }

  /** Whether it came to an end with an error. */
  get hasFailed() {
    const { result } = this.steps.at(-1) ?? this;
    return !this.isRunning && Boolean(result?.error);
  }

  /** Keep what was known of the call before its events were replayed. */
  inherit({ startedAt, steps, goesOn, done, args, isEdited, result }) {
    Object.assign(this, { startedAt, steps, goesOn, done, args, isEdited, result, replayed: true });
  }

  /**
   * Set the first (for most tools: the only) result. `now` is null where the time is unknown; `args` are those that a
   * person put in the place of the model's.
   */
  setResult({ result, args, done }, now) {
    this.result = result;
    this.goesOn = done === false;
    if (args) Object.assign(this, { args, isEdited: true });
    if (now && !this.replayed) this.duration = now - this.startedAt;
  }

  addStep({ result, done }, at) {
    if (result !== null) this.steps.push({ result, at });
    this.done = Boolean(done);
  }

  clearSteps() {
    this.steps = [];
  }
}

/** A thought of the model, until it goes on. `duration` is in milliseconds, null while it thinks or if not seen. */
class Thought {
  kind = "thought";
  isOpen = true;
  duration = null;

  constructor(text, startedAt) {
    this.text = text;
    this.startedAt = startedAt;
  }

  /** End it. `now` is null where the time is unknown. */
  end(now) {
    if (this.isOpen && now) this.duration = now - this.startedAt;
    this.isOpen = false;
  }
}

export class Turn {
  kind = "turn";
  parts = []; // texts {kind, text}, thoughts and tool calls, in order
  end = ""; // complete, interrupted or error; '' while the turn runs
  error = null;
  messageId = ""; // that of its first message in the history
  siblings = []; // the ids of all messages in its place, none if it is the only one
  awaiting = []; // the ids of its calls that waited for an answer when it ended: another turn goes on
  rating = ""; // of its last reply by the user: up or down
  facts = null; // model, times and usage, as /api/state has them in `turn`
  stopping = false; // a stop was requested, the end has not arrived yet

  /** `previous` is the turn as it was known before its events are replayed, which do not tell all of it. */
  constructor(runId, previous = null) {
    this.runId = runId;
    this._previous = previous;
    const { messageId, siblings, rating, facts } = previous ?? this;
    Object.assign(this, { messageId, siblings, rating, facts });
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

  /** Show the turn as stopped (or not) before the server says so. */
  setStopping(stopping) {
    this.stopping = stopping;
  }

  /** Take over the place of its first message in the history. */
  setPlace({ id, siblings = [] }) {
    this.messageId = id;
    this.siblings = siblings;
  }

  /** Take over the rating of one of its messages in the history; the last one counts. */
  setRating({ feedback = [] }) {
    this.rating = feedback.find(({ key }) => key === "user")?.rating ?? "";
  }

  /** Take over the facts of the turn, which the last of its messages has. */
  setFacts({ turn }) {
    this.facts = turn ?? this.facts;
  }

  /** Apply an event of the chat stream. Later tool steps are left out: /api/updates delivers each of them once. */
  applyEvent(event) {
    if (event.type === "reasoning") return this._appendThought(event.content);
    this._endThought(this._previous?.parts.length ? null : new Date()); // a replay does not say how long it took
    if (event.type === "text") this._appendText(event.content);
    if (event.type === "tool_call") this._addCall(event);
    if (event.type === "tool_result") this.call(event.call_id)?.setResult(event, new Date());
    if (event.type === "complete") this.awaiting = event.awaiting ?? [];
    if (event.type === "complete") this.end = event.interrupted ? "interrupted" : "complete";
    if (event.type === "error") this.fail(event);
  }

  /** End the turn with an `error`: {message, code, retryable}. */
  fail(error) {
    this._endThought(null);
    this.end = "error";
    this.error = error;
  }

  /** Apply an assistant message of /api/state. */
  applyMessage(message) {
    if (message.reasoning) this._appendThought(message.reasoning);
    this._endThought(null);
    if (message.content) this._appendText(message.content);
    for (const call of message.tool_calls ?? []) this.parts.push(new ToolCall(call, new Date(message.created_at)));
    this.applyResults(message);
    this.end = message.interrupted ? "interrupted" : "complete";
  }

  /** Apply the results of an assistant message of /api/state that are not known yet. */
  applyResults({ tool_results: results = [] }) {
    for (const result of results) {
      const call = this.call(result.call_id);
      if (call && !call.hasResult) call.setResult(result, null);
    }
  }

  _appendText(content) {
    const last = this.parts.at(-1);
    if (last?.kind === "text") last.text += content;
    else this.parts.push({ kind: "text", text: content });
  }

  _appendThought(content) {
    const last = this.parts.at(-1);
    if (last?.kind === "thought" && last.isOpen) last.text += content;
    else this.parts.push(new Thought(content, new Date()));
  }

  _endThought(now) {
    const last = this.parts.at(-1);
    if (last?.kind === "thought") last.end(now);
  }

  _addCall(event) {
    const call = new ToolCall(event, new Date());
    const previous = this._previous?.call(event.call_id);
    if (previous) call.inherit(previous);
    this.parts.push(call);
  }
}
