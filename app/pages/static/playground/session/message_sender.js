// Sends messages one at a time, in order.

import { Unreachable } from "../wire/api.js";
import { backoff } from "../wire/backoff.js";

const MAX_ATTEMPTS = 3;

export class MessageSender {
  #api;
  #sessionId;
  #placed;
  #pending = 0;
  #previous = Promise.resolve();

  /** `placed(body)` is the body of a chat with the thread that it goes to. */
  constructor(api, sessionId, placed) {
    this.#api = api;
    this.#sessionId = sessionId;
    this.#placed = placed;
  }

  /** How many messages the server has neither accepted nor refused yet. */
  get pending() {
    return this.#pending;
  }

  /**
   * Send `message` after those before it. `prepare()` runs first and resolves to {app, body}; `accepted(connection)`
   * takes the open stream of the turn, null if the turn's events are no longer kept. Throws if the server refuses the message
   * or cannot be reached.
   */
  async send(message, prepare, accepted) {
    const previous = this.#previous;
    const { promise, resolve } = Promise.withResolvers();
    this.#previous = promise;
    this.#pending++;
    try {
      await previous;
      const { app, body } = await prepare();
      accepted(await this.#post(app, this.#placed(body), message));
    } finally {
      resolve();
      this.#pending--;
      message.sending = false;
    }
  }

  /** Post with retries. The message's id is the idempotency key: a retry cannot start a second turn. */
  async #post(app, body, { id }) {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#api.chat(this.#sessionId, app, body, id);
      } catch (error) {
        if (!(error instanceof Unreachable) || attempt === MAX_ATTEMPTS) throw error;
      }
      await backoff(attempt);
    }
  }
}
