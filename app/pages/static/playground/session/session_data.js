// What the page knows of a session: its fields, its transcript and its open client requests.

import { ClientRequests } from "./client_requests.js";
import { Transcript } from "./transcript.js";

const FIELDS = ["status", "title", "app", "model"];

export class SessionData {
  #fields = { status: "idle", title: "", app: "default", model: "" };
  #transcript = new Transcript();
  #requests = new ClientRequests();
  #exists = false;
  #threadId = "";
  #lastUpdate = 0;

  /** `status`, `title`, `app` and `model`, as in /api/state. */
  get fields() {
    return this.#fields;
  }

  get transcript() {
    return this.#transcript;
  }

  get requests() {
    return this.#requests;
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

  /** Take over a reply of /api/state. */
  load(state) {
    this.#exists = true;
    this.#threadId = state.thread_id;
    this.#lastUpdate = Number(state.last_event_id);
    this.setFields(state);
    this.#transcript.load(state.messages, state.waiting);
    this.#requests.load(state.user_state);
  }

  /** Whether the loaded state includes the update with this number. */
  includes(updateNumber) {
    return updateNumber <= this.#lastUpdate;
  }
}
