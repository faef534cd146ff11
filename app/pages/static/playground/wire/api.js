// The public API (docs/api.md). Every request and every event also goes to the wire log.

import { WORDS } from "../words.js";
import { EventStream, runIdOf } from "./event_stream.js";
import { parseExact } from "./exact_json.js";
import { readFrames } from "./sse.js";
import { withoutKey } from "./request_code.js";
import { NO_LOG } from "./wire_log.js";

const PAGE = 100; // messages
const MAX_PAGE = 200; // the most that the API gives
const JSON_TIMEOUT = 60_000; // milliseconds until a response has arrived; an upload may take longer
const STREAM_TIMEOUT = 30_000; // milliseconds until a stream has begun

/** The server refused a request: its `status`, and its own words as `message`. */
export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** The server could not be reached. */
export class Unreachable extends Error {
  status = 0;
}

const TOKEN = /^[\w-]+\.[\w-]+\.[\w-]*$/; // a JWT; no API key has a dot

export class Api {
  /** `key` is the API key, or a user's token where sessions have owners; '' for none. */
  key = "";

  constructor(wireLog) {
    this._wireLog = wireLog;
  }

  /** The same API, whose requests are not in the log. */
  unlogged() {
    return Object.assign(Object.create(this), { _wireLog: NO_LOG });
  }

  /** Those of the public key `owner`; with a user's token, all that are the user's. */
  sessions(owner) {
    const query = TOKEN.test(this.key) ? "" : `?${new URLSearchParams({ public_key: owner })}`;
    return this._json("GET", `/api/sessions${query}`);
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

  /** A session with its threads. */
  session(id, signal) {
    return this._json("GET", `/api/sessions/${id}`, { signal });
  }

  openThread(id) {
    return this._json("POST", `/api/sessions/${id}/threads`);
  }

  deleteThread(id, threadId) {
    return this._json("DELETE", `/api/sessions/${id}/threads/${threadId}`);
  }

  /** The state with the newest messages of a thread, '' for the newest thread. */
  state(id, threadId = "") {
    const thread = threadId ? `&thread_id=${encodeURIComponent(threadId)}` : "";
    return this._json("GET", `/api/state?session_id=${id}&reasoning=1&limit=${PAGE}${thread}&usage=1`);
  }

  /** A page of the messages of a thread that are before the message `before`. */
  messages(id, threadId, before) {
    const query = new URLSearchParams({ reasoning: 1, limit: PAGE, before, usage: 1 });
    return this._json("GET", `/api/sessions/${id}/threads/${threadId}/messages?${query}`);
  }

  /** A page of the messages of a thread, to search in: the newest ones, or those before the message `before`. */
  texts(id, threadId, before, signal) {
    const query = new URLSearchParams({ limit: MAX_PAGE, ...(before && { before }) });
    return this._json("GET", `/api/sessions/${id}/threads/${threadId}/messages?${query}`, { signal });
  }

  /** Mark a session as seen up to the update `number`. */
  markSeen(id, number) {
    return this._json("PATCH", `/api/sessions/${id}`, { body: { seen: number } });
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

  /** The app of a session, with examples of what to ask it; without a session, the default app. */
  app(id) {
    return this._json("GET", "/api/session/app", { session: id });
  }

  async apps() {
    return (await this._json("GET", "/api/session/apps")).apps;
  }

  /** Send a message: the `body` of a chat. A retry with the same `idempotencyKey` attaches to the same turn. */
  chat(id, app, body, idempotencyKey) {
    const path = `/api/chat?ids=1&reasoning=1${app === "default" ? "" : `&app=${encodeURIComponent(app)}`}`;
    return this._stream("POST", path, { session: id, body, headers: { "Idempotency-Key": idempotencyKey } });
  }

  /** Take back a message that waits. */
  withdraw(id, runId) {
    return this._json("DELETE", `/api/chat?session_id=${id}&run_id=${encodeURIComponent(runId)}`);
  }

  /** Make the branch of a message the active one of its thread. */
  chooseBranch(id, threadId, messageId) {
    return this._json("POST", `/api/sessions/${id}/threads/${threadId}/branch`, { body: { message_id: messageId } });
  }

  /** Rate the last reply of a turn: "up", "down", or null to take that back. */
  rate(id, runId, rating) {
    return this._json("POST", `/api/feedback?session_id=${id}`, { body: { message_id: runId, rating } });
  }

  /** Store a file in the session. An aborted `signal` ends the upload. */
  upload(id, file, signal) {
    return this._json("POST", `/api/files?${new URLSearchParams({ filename: file.name })}`, { session: id, file, signal });
  }

  /** The bytes of a file of the session, as a Blob of its type. */
  async file(id, fileId) {
    return (await this._fetch("GET", `/api/files/${fileId}`, { session: id })).blob();
  }

  deleteFile(id, fileId) {
    return this._json("DELETE", `/api/files/${fileId}`, { session: id });
  }

  /**
   * The stream of a turn after the event `cursor` ('0': from the beginning); without a `runId` the current or last
   * turn. Null where there is no such turn.
   */
  resume(id, cursor, runId = null) {
    const turn = runId ? `&run_id=${encodeURIComponent(runId)}` : "";
    return this._stream("GET", `/api/chat?session_id=${id}${turn}&reasoning=1`, { headers: { "Last-Event-ID": cursor } });
  }

  /** The update stream after the event `cursor`; '' starts with the next update. */
  updates(id, cursor) {
    return this._stream("GET", "/api/updates", { session: id, headers: cursor ? { "Last-Event-ID": cursor } : {} });
  }

  /** Read a stream of another dialect into a log of its own, until it ends or `signal` aborts. */
  async readInto(wireLog, path, origin, signal) {
    const response = await this._fetch("GET", path, { signal, wireLog });
    for await (const { id, name, data } of readFrames(response)) {
      wireLog.addEvent(origin, { id, name, event: anyEvent(data) });
    }
  }

  async _json(method, path, options = {}) {
    const signal = options.signal ?? AbortSignal.timeout(JSON_TIMEOUT);
    const response = await this._fetch(method, path, { ...options, signal });
    return parseExact(await response.text().catch(unreachable));
  }

  async _stream(method, path, options) {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), STREAM_TIMEOUT);
    const opened = this._fetch(method, path, { ...options, signal: controller.signal });
    const response = await opened.finally(() => clearTimeout(timer));
    if (response.status === 204) return null;
    const sessionId = options.session ?? new URL(path, location.href).searchParams.get("session_id");
    return new EventStream(response, controller, { source: `${method} ${path.split("?")[0]}`, sessionId }, this._wireLog);
  }

  async _fetch(method, path, { session, body, file, headers = {}, signal, wireLog = this._wireLog } = {}) {
    const allHeaders = { ...headers };
    if (session) allHeaders["X-Session-Id"] = session;
    if (TOKEN.test(this.key)) allHeaders.Authorization = `Bearer ${this.key}`;
    else if (this.key) allHeaders["X-API-Key"] = this.key;
    if (body) allHeaders["Content-Type"] = "application/json";
    const logged = wireLog.addRequest(method, path, allHeaders, body, file?.name);
    let response;
    try {
      response = await fetch(path, { method, headers: allHeaders, body: file ?? (body && JSON.stringify(body)), signal });
    } catch {
      logged.setStatus(0);
      return unreachable();
    }
    logged.setStatus(response.status, runIdOf(response) ?? "");
    if (logged.setResponse && isJson(response)) {
      response.clone().text().then((text) => logged.setResponse(withoutKey(text, this.key)), () => {}); // the caller says why not
    }
    if (response.ok) return response;
    throw new ApiError(response.status, await errorMessage(response));
  }
}

function isJson(response) {
  return (response.headers.get("Content-Type") ?? "").startsWith("application/json");
}

function unreachable() {
  throw new Unreachable(WORDS.notices.unreachable);
}

/** The JSON of a frame; a frame that has none, such as `[DONE]`, has its words as its type. */
function anyEvent(data) {
  try {
    return parseExact(data);
  } catch {
    return { type: data };
  }
}

async function errorMessage(response) {
  try {
    return (await response.json()).error;
  } catch {
    return WORDS.notices.status(response.status); // not our JSON: a proxy's own error page
  }
}
