// A log of requests and events, as they went over the wire.

import { PIECES } from "./dialects.js";

const MAX_ENTRIES = 400;
const MAX_PIECES = 400; // of one entry
const MAX_RESPONSE = 50_000; // characters

/** In the place of a log: it keeps nothing. */
export const NO_LOG = { addRequest: () => ({ setStatus() {}, setResponse: null }) };

/**
 * Entries, oldest first: requests {kind, at, method, path, headers, body, fileName, status, response, runId, sessionId}, and events
 * {kind, at, source, type, frames, count, runId, sessionId}. `frames` are {id, name, event}: one, or the first ones of the
 * `count` pieces of a text. `status` is "" until there is a response, 0 if the server could not be reached. `response` is
 * {text, more}: the first characters of the JSON of a response, and how many more there were; null where there is none.
 * `runId` is the turn that an entry belongs to, "" if it belongs to none.
 *
 * Dispatches `add`, `change` and `drop` with the entry as `detail`, and `clear`.
 */
export class WireLog extends EventTarget {
  entries = [];

  /** Add a request with a JSON `body`, or with the bytes of a file. Returns functions to set its status and turn, and its response. */
  addRequest(method, path, headers, body, fileName = "") {
    const sessionId = headers["X-Session-Id"] ?? new URL(path, location.href).searchParams.get("session_id") ?? "";
    const entry = { kind: "request", at: new Date(), method, path, headers, body, fileName, status: "", response: null, runId: "", sessionId };
    this._add(entry);
    const set = (values) => {
      Object.assign(entry, values);
      this._tell("change", entry);
    };
    return {
      setStatus: (status, runId = "") => set({ status, runId }),
      setResponse: (text) => set({ response: { text: text.slice(0, MAX_RESPONSE), more: Math.max(text.length - MAX_RESPONSE, 0) } }),
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
