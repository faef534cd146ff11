// Loads messages of a long conversation that are older than those on the screen.

export class OlderMessages {
  #api;
  #sessionId;
  #data;
  #isLoading = false;

  constructor(api, sessionId, data) {
    this.#api = api;
    this.#sessionId = sessionId;
    this.#data = data;
  }

  /** Whether there are any. */
  get exist() {
    return this.#data.hasOlder;
  }

  /** Load a page of them, unless that is under way. Whether it was done. */
  async load() {
    if (this.#isLoading || !this.exist) return false;
    const { threadId, firstId } = this.#data;
    this.#isLoading = true;
    try {
      this.#data.loadOlder(firstId, await this.#api.messages(this.#sessionId, threadId, firstId));
      return true;
    } finally {
      this.#isLoading = false;
    }
  }
}
