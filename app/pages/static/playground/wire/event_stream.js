// The response to a request that streams events.

import { parseExact } from "./exact_json.js";
import { readFrames } from "./sse.js";

/**
 * An open event stream. It ends, too, when it is silent for so long that something between here and the server must have
 * lost it. `runId` is the id of its turn, null for updates.
 */
export class EventStream {
  constructor(response, controller, { source, sessionId }, wireLog) {
    this.runId = runIdOf(response);
    this._response = response;
    this._controller = controller;
    this._origin = { source, sessionId, runId: this.runId ?? "" };
    this._wireLog = wireLog;
  }

  /** {id, event} as they arrive. Ends or throws when the connection does; an aborted `signal` closes it. */
  async *events(signal) {
    const close = () => this.close();
    signal.addEventListener("abort", close);
    if (signal.aborted) close();
    try {
      for await (const { id, name, data } of readFrames(this._response)) {
        const event = parseExact(data);
        this._wireLog.addEvent(this._origin, { id, name, event });
        yield { id, event };
      }
    } finally {
      signal.removeEventListener("abort", close);
    }
  }

  /** Close the connection. The turn goes on at the server. */
  close() {
    this._controller.abort();
  }
}

/** The turn that a response streams, null if it is none. */
export function runIdOf(response) {
  return new URL(response.headers.get("Location") ?? "", location.href).searchParams.get("run_id");
}
