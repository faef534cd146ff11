// Loads /api/state whenever what the page knows may be behind the server.

const DELAY = 30; // milliseconds: several reasons to load often come together
const MAX_LOADS = 5;

export class StateSync {
  #api;
  #sessionId;
  #signal;
  #handlers;
  #isDue = false;
  #timer = 0;

  /**
   * `handlers`: `pending()`, the number of messages being sent, and `isBehind(state)`, whether an update was received that
   * the server did not know of when it replied, tell that a state is too old; `apply(state)`; `exists()`: whether the page
   * knows that there is a session; `missing()`: there is none any more; `failed(error)` where a load that `soon()` planned fails. Nothing is applied once `signal` has aborted.
   */
  constructor(api, sessionId, signal, handlers) {
    this.#api = api;
    this.#sessionId = sessionId;
    this.#signal = signal;
    this.#handlers = handlers;
  }

  /** Load and apply the state, if the session exists. */
  async load() {
    this.#isDue = false;
    for (let loads = 1; ; loads++) {
      const pending = this.#handlers.pending();
      const existed = this.#handlers.exists();
      const state = await this.#fetch();
      if (this.#signal.aborted) return;
      if (!state && existed) return this.#handlers.missing();
      if (!state && !this.#handlers.exists()) return;
      if (!state || (loads < MAX_LOADS && this.#isStale(state, pending))) continue; // without a state, it came to be meanwhile
      this.#handlers.apply(state);
      return;
    }
  }

  /** Load soon; while messages are being sent, only after `sent()`. */
  soon() {
    this.#isDue = true;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#loadDue(), DELAY);
  }

  /** Tell that a message was accepted or refused: load what was put off for it. */
  sent() {
    if (this.#isDue) this.soon();
  }

  async #fetch() {
    try {
      return await this.#api.state(this.#sessionId);
    } catch (error) {
      if (error.status !== 404) throw error;
      return null;
    }
  }

  /** Whether a message was accepted, or an update received, that the server did not know of when it replied. */
  #isStale(state, pending) {
    return this.#handlers.pending() < pending || this.#handlers.isBehind(state);
  }

  async #loadDue() {
    if (this.#signal.aborted || this.#handlers.pending()) return;
    try {
      await this.load();
    } catch (error) {
      this.#handlers.failed(error);
    }
  }
}
