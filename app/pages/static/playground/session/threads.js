// The threads of a session. Each has its own messages; one of them is shown.

const NOT_FOUND = 404;

export class Threads {
  #api;
  #sessionId;
  #chosen;
  #shown = ""; // the id of the thread that the last state was of
  #isRunning = false; // whether the session's current turn was in it then
  #all = [];
  #loading = null;

  /** `chosen` is the id of the thread to show, '' for the newest. */
  constructor(api, sessionId, chosen) {
    this.#api = api;
    this.#sessionId = sessionId;
    this.#chosen = chosen;
    this.api = Object.assign(Object.create(api), {
      state: (id) => this.#state(id),
      chat: (id, app, body, key) => api.chat(id, app, this.#placed(body), key),
      resume: (id, cursor, runId) => this.#resume(id, cursor, runId),
    });
  }

  /** The threads as /api/sessions/{id} has them, the oldest first, once they were loaded. */
  get all() {
    return this.#all;
  }

  get shown() {
    return this.#shown;
  }

  /** The id of the thread that was chosen; '' if the newest is shown, whichever that is. */
  get chosen() {
    return this.#chosen;
  }

  /** Wait until the list is loaded. Where that fails, it stays as it was. */
  loaded() {
    this.#loading ??= this.#load();
    return this.#loading;
  }

  /** Load it again if there are several threads: their titles and what runs may have changed. */
  async refresh() {
    if (this.#all.length > 1) await this.#load();
  }

  /** Open a new thread. Returns its id. */
  async open() {
    return (await this.#api.openThread(this.#sessionId)).id;
  }

  remove(threadId) {
    return this.#api.deleteThread(this.#sessionId, threadId);
  }

  async #load() {
    try {
      this.#all = (await this.#api.session(this.#sessionId)).threads;
    } catch (error) {
      if (!("status" in error)) throw error;
    }
  }

  /** The state of the thread that is shown: whether a turn runs in it, not in the session. */
  async #state(id) {
    const state = await this.#stateOfChosen(id);
    this.#shown = state.thread_id ?? "";
    this.#isRunning = state.thread_is_processing;
    return { ...state, is_processing: this.#isRunning };
  }

  async #stateOfChosen(id) {
    try {
      return await this.#api.state(id, this.#chosen);
    } catch (error) {
      if (error.status !== NOT_FOUND || !this.#chosen) throw error;
    }
    this.#chosen = ""; // it was deleted
    return this.#api.state(id);
  }

  /** The body of a chat, with its thread where the session has others. */
  #placed(body) {
    const threadId = this.#chosen || (this.#all.length > 1 ? this.#shown : "");
    return threadId ? { ...body, thread_id: threadId } : body;
  }

  /** The stream of a turn. The session's last one may have been in another thread: it is followed only while it runs here. */
  async #resume(id, cursor, runId) {
    if (!runId && !this.#isRunning) {
      await this.loaded();
      if (this.#all.length > 1) return null;
    }
    return this.#api.resume(id, cursor, runId);
  }
}
