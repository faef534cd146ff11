// The chat stream of one turn. It is resumed behind its last event whenever the connection is lost.

import { backoff, isFinal, retry } from "../wire/backoff.js";

const FROM_START = "0";
const TERMINAL = new Set(["complete", "error"]);

export class TurnStream {
  #api;
  #sessionId;
  #connection;
  #signal;

  /** `connection` is the open stream of the turn; an aborted `signal` ends it all. */
  constructor(api, sessionId, connection, signal) {
    this.#api = api;
    this.#sessionId = sessionId;
    this.#connection = connection;
    this.#signal = signal;
    this.runId = connection.runId;
  }

  /** The stream of the current or last turn, however long the server is away. Null: the session has had no turn. */
  static async open(api, sessionId, signal) {
    const connection = await retry(() => api.resume(sessionId, FROM_START), signal);
    return connection && new TurnStream(api, sessionId, connection, signal);
  }

  close() {
    this.#connection.close();
  }

  /** All events up to the terminal one. Ends without it where the server no longer keeps the turn. */
  async *events() {
    let cursor = FROM_START;
    for (let failures = 0; ; ) {
      try {
        const connection = await this.#connect(cursor);
        if (!connection) return;
        for await (const { id, event } of connection.events(this.#signal)) {
          [cursor, failures] = [id, 0];
          yield event;
          if (TERMINAL.has(event.type)) return;
        }
      } catch (error) {
        if (this.#signal.aborted || isFinal(error)) throw error;
      }
      this.#connection = null;
      await backoff(++failures, this.#signal);
    }
  }

  /** The open connection, or a new one. Null if the server has another turn only. */
  async #connect(cursor) {
    this.#connection ??= await this.#api.resume(this.#sessionId, cursor, this.runId);
    if (this.#connection && this.#connection.runId !== this.runId) {
      this.close();
      return null;
    }
    return this.#connection;
  }
}
