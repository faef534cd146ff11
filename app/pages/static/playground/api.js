// The public API, as docs/api.md has it. Whatever is sent and received is also told to the journal.

import { frames } from "./sse.js";

/** The server said no: `status`, and `message` in its words. */
export class Refused extends Error {
  constructor(status, message, retryAfter) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/** The server could not be reached. */
export class Unreachable extends Error {
  status = 0;
}

/** A stream of events. `runId` is that of the turn, where there is one. */
class Stream {
  constructor(response, controller, source, journal) {
    this.runId = new URL(response.headers.get("Location") ?? "", location.href).searchParams.get("run_id");
    this._body = response.body;
    this._controller = controller;
    this._source = source;
    this._journal = journal;
  }

  /** {id, event} as they come. Ends, or throws, when the connection does. */
  async *events() {
    for await (const { id, data } of frames(this._body)) {
      const event = JSON.parse(data);
      this._journal.event(this._source, id, event);
      yield { id, event };
    }
  }

  /** Hang up. The turn goes on. */
  close() {
    this._controller.abort();
  }
}

export class Api {
  /** `key` is the API key, '' for none. */
  key = "";

  constructor(journal) {
    this._journal = journal;
  }

  sessions(owner) {
    return this._json("GET", `/api/sessions?${new URLSearchParams({ public_key: owner })}`);
  }

  createSession(id, fields) {
    return this._json("POST", "/api/sessions", { session: id, body: fields });
  }

  renameSession(id, title) {
    return this._json("PATCH", `/api/sessions/${id}`, { body: { title } });
  }

  archiveSession(id, archived) {
    return this._json("POST", `/api/sessions/${id}/${archived ? "archive" : "unarchive"}`);
  }

  deleteSession(id) {
    return this._json("DELETE", `/api/sessions/${id}`);
  }

  state(id) {
    return this._json("GET", `/api/state?session_id=${id}`);
  }

  interrupt(id) {
    return this._json("POST", `/api/interrupt?session_id=${id}`);
  }

  control(id, action, body) {
    return this._json("POST", `/api/control/${action}?session_id=${id}`, { body });
  }

  async models(id) {
    return (await this._json("GET", "/api/session/models", { session: id })).models;
  }

  async apps() {
    return (await this._json("GET", "/api/session/apps")).apps;
  }

  /** Send a message. `retryKey` makes a second try the same message. */
  chat(id, app, text, retryKey) {
    const path = app === "default" ? "/api/chat?ids=1" : `/api/chat?ids=1&app=${encodeURIComponent(app)}`;
    return this._stream("POST", path, { session: id, body: { text }, headers: { "Idempotency-Key": retryKey } });
  }

  /** Resume the current or last turn after the event `lastId` ('0': from its beginning). Null: nothing to show. */
  resume(id, lastId) {
    return this._stream("GET", `/api/chat?session_id=${id}`, { headers: { "Last-Event-ID": lastId } });
  }

  updates(id, lastId) {
    return this._stream("GET", "/api/updates", { session: id, headers: lastId ? { "Last-Event-ID": lastId } : {} });
  }

  async _json(method, path, options = {}) {
    const response = await this._fetch(method, path, options);
    return response.json();
  }

  async _stream(method, path, options) {
    const controller = new AbortController();
    const response = await this._fetch(method, path, { ...options, signal: controller.signal });
    if (response.status === 204) return null;
    return new Stream(response, controller, `${method} ${path.split("?")[0]}`, this._journal);
  }

  async _fetch(method, path, { session, body, headers = {}, signal } = {}) {
    const sent = { ...headers };
    if (session) sent["X-Session-Id"] = session;
    if (this.key) sent["X-API-Key"] = this.key;
    if (body) sent["Content-Type"] = "application/json";
    const entry = this._journal.request(method, path, sent, body);
    let response;
    try {
      response = await fetch(path, { method, headers: sent, body: body && JSON.stringify(body), signal });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      entry.answered("no connection");
      throw new Unreachable("The server cannot be reached.");
    }
    entry.answered(response.status);
    if (response.ok) return response;
    throw new Refused(response.status, await words(response), Number(response.headers.get("Retry-After")));
  }
}

async function words(response) {
  try {
    return (await response.json()).error;
  } catch {
    return `The server answered ${response.status}.`; // such as a proxy in front of it
  }
}
