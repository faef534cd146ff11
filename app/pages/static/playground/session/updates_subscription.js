// The subscription to /api/updates. It reconnects with backoff and continues behind its cursor.

import { ApiError } from "../wire/api.js";
import { backoff, isFinal } from "../wire/backoff.js";

const NOT_FOUND = 404;

export class UpdatesSubscription {
  #api;
  #sessionId;
  #handlers;
  #cursor = "";
  #controller = new AbortController();

  /**
   * `handlers`: `event(event, number)` for each update; `connection(isOpen)`; `refused(error)` once the server has
   * refused the subscription for good.
   */
  constructor(api, sessionId, handlers) {
    this.#api = api;
    this.#sessionId = sessionId;
    this.#handlers = handlers;
  }

  /** The id of the last update received. */
  get cursor() {
    return this.#cursor;
  }

  /** Set the cursor for the next connection: a loaded state includes all updates up to it. */
  skipTo(cursor) {
    this.#cursor = cursor;
  }

  /** Subscribe, until `stop()`. */
  start() {
    this.stop();
    this.#controller = new AbortController();
    this.#run(this.#controller.signal);
  }

  stop() {
    this.#controller.abort();
  }

  async #run(signal) {
    try {
      for await (const { id, event } of this.#events(signal)) {
        if (id) this.#cursor = id;
        this.#handlers.event(event, Number(id));
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      this.#handlers.refused(error);
    }
  }

  /** {id, event} for ever, over lost connections. Throws what the server says when it refuses for good. */
  async *#events(signal) {
    for (let failures = 0; ; ) {
      try {
        const connection = await this.#api.updates(this.#sessionId, this.#cursor);
        if (!signal.aborted) this.#handlers.connection(true);
        for await (const update of connection.events(signal)) {
          failures = 0;
          yield update;
        }
      } catch (error) {
        const isMissing = error.status === NOT_FOUND; // the session may still be created: keep trying
        if (signal.aborted || (isFinal(error) && !isMissing)) throw error;
        if (isMissing || failures) this.#handlers.connection(isMissing); // one lost connection is not worth a notice
      }
      await backoff(++failures, signal);
    }
  }
}
