// Tool calls that wait for an answer (docs/approval.md).

/** The calls that wait, by id: {callId, name, args, kind, expiresAt, question}. A call stays the same object while it waits. */
export class OpenCalls {
  #byId = new Map();

  /** All of them, oldest first. */
  get all() {
    return [...this.#byId.values()];
  }

  /** Take over `pending` of /api/state. */
  load(pending) {
    this.#byId = new Map(pending.map((call) => [call.call_id, this.#known(call) ?? openCall(call)]));
  }

  /** Add the call of a `tool_pending`. */
  add(event) {
    this.#byId.set(event.call_id, this.#known(event) ?? openCall(event));
  }

  remove(callId) {
    this.#byId.delete(callId);
  }

  /** The call as it is known. Models use an id again: such a call expires at another time. */
  #known({ call_id, expires_at }) {
    const call = this.#byId.get(call_id);
    return call?.expiresAt.getTime() === Date.parse(expires_at) ? call : null;
  }
}

function openCall({ call_id, name, args, kind, expires_at, message, schema, url }) {
  const question = kind === "elicitation" ? { message, schema, url } : null;
  return { callId: call_id, name, args, kind, expiresAt: new Date(expires_at), question };
}
