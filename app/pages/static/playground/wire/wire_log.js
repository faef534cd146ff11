// A log of requests and events, as they went over the wire.

import { PIECES } from "./dialects.js";

const MAX_ENTRIES = 400;
const MAX_PIECES = 400; // of one entry

/**
 * Entries, oldest first: requests {kind, at, method, path, headers, body, fileName, status, runId, sessionId}, and events
 * {kind, at, source, type, frames, count, runId, sessionId}. `frames` are {id, name, event}: one, or the first ones of the
 * `count` pieces of a text. `runId` is the turn that an entry belongs to, "" if it belongs to none. `status` is "" until
 * there is a response, 0 if the server could not be reached.
 *
 * Dispatches `add`, `change` and `drop` with the entry as `detail`, and `clear`.
 */
export class WireLog extends EventTarget {
  entries = [];

  /** Add a request with a JSON `body`, or with the bytes of a file. Returns a function that sets its status and turn. */
  addRequest(method, path, headers, body, fileName = "") {
    const sessionId = headers["X-Session-Id"] ?? new URL(path, location.href).searchParams.get("session_id") ?? "";
    const entry = { kind: "request", at: new Date(), method, path, headers, body, fileName, status: "", runId: "", sessionId };
    this._add(entry);
    return (status, runId = "") => {
      Object.assign(entry, { status, runId });
      this._tell("change", entry);
    };
  }

  /**
   * Add a frame that was received from `origin`: {source, runId, sessionId}. Pieces of one text are one entry, whatever came
   * from elsewhere in between.
   */
  addEvent({ source, runId, sessionId }, frame) {
    const { type } = frame.event;
    const last = PIECES.has(type) && this.entries.findLast((one) => one.runId === runId && one.source === source);
    if (last?.type === type) {
      last.count++;
      if (last.frames.length < MAX_PIECES) last.frames.push(frame);
      this._tell("change", last);
    } else this._add({ kind: "event", at: new Date(), source, type, frames: [frame], count: 1, runId, sessionId });
  }

  clear() {
    this.entries = [];
    this.dispatchEvent(new Event("clear"));
  }

  _add(entry) {
    this.entries.push(entry);
    this._tell("add", entry);
    if (this.entries.length > MAX_ENTRIES) this._tell("drop", this.entries.shift());
  }

  _tell(what, entry) {
    this.dispatchEvent(new CustomEvent(what, { detail: entry }));
  }
}
