// What the page knows of a session: its fields, its transcript, and what tools need from the user.

import { ClientRequests } from "./client_requests.js";
import { History } from "./history.js";
import { OpenCalls } from "./open_calls.js";
import { Transcript } from "./transcript.js";

const FIELDS = ["status", "title", "app", "model", "user_state"];

export class SessionData {
  #fields = { status: "idle", title: "", app: "default", model: "", user_state: {} };
  #history = new History();
  #transcript = new Transcript();
  #requests = new ClientRequests();
  #openCalls = new OpenCalls();
  #exists = false;
  #threadId = "";
  #lastUpdate = 0;
  #waiting = []; // messages, as in /api/state
  #regenerations = [];

  /** `status`, `title`, `app`, `model` and `user_state`, as in /api/state. */
  get fields() {
    return this.#fields;
  }

  get transcript() {
    return this.#transcript;
  }

  get requests() {
    return this.#requests;
  }

  get openCalls() {
    return this.#openCalls;
  }

  /** Whether the server has the session. */
  get exists() {
    return this.#exists;
  }

  /** The thread whose messages are shown. */
  get threadId() {
    return this.#threadId;
  }

  get isProcessing() {
    return this.#fields.status === "processing";
  }

  setExists() {
    this.#exists = true;
  }

  /** Set those of the fields that `values` has. */
  setFields(values) {
    const known = FIELDS.filter((name) => values[name] !== undefined);
    this.#fields = { ...this.#fields, ...Object.fromEntries(known.map((name) => [name, values[name]])) };
  }

  /** Whether a reply of /api/state is older than the update `cursor` of the same session. */
  isBehind(state, cursor) {
    return Number(state.last_event_id) < Number(cursor) && !this.#isOfAnother(state, cursor);
  }

  /** Take over a reply of /api/state. `cursor` is the last update received. */
  load(state, cursor) {
    if (this.#isOfAnother(state, cursor)) [this.#history, this.#transcript] = [new History(), new Transcript()];
    this.#exists = true;
    this.#threadId = state.thread_id;
    this.#lastUpdate = Number(state.last_event_id);
    this.setFields(state);
    this.#history.takeOver(state.messages, state.has_more);
    this.#waiting = state.waiting.filter(({ regenerate }) => !regenerate);
    this.#regenerations = state.waiting.filter(({ regenerate }) => regenerate);
    this.#transcript.load(this.#history.messages, this.#waiting);
    this.#requests.load(state.client_requests);
    this.#openCalls.load(state.pending);
  }

  /** Whether the state is of another session: the one that was known was deleted, and a client has made its id again. */
  #isOfAnother({ thread_id: threadId, last_event_id: lastUpdate }, cursor) {
    return this.#exists && threadId !== this.#threadId && Number(lastUpdate) < Number(cursor);
  }

  /** Messages that wait to be answered again: {run_id, text}. */
  get regenerations() {
    return this.#regenerations;
  }

  /** Whether there are older messages than those that are shown. */
  get hasOlder() {
    return this.#history.hasMore;
  }

  /** The id of the first message that is shown, as far as it is loaded. */
  get firstId() {
    return this.#history.messages[0]?.id;
  }

  /** Take over a page of older messages, those before the message `before`. */
  loadOlder(before, page) {
    const first = this.#history.messages.find(({ role }) => role !== "tool");
    if (!this.#history.putBefore(before, page)) return;
    if (first?.role === "assistant") this.#transcript.forgetTurnOf(first); // its beginning may be in the page
    this.#transcript.load(this.#history.messages, this.#waiting);
  }

  /** Whether the loaded state includes the update with this number. */
  includes(updateNumber) {
    return updateNumber <= this.#lastUpdate;
  }
}
