// The threads of a session. Each has its own messages; one of them is shown.

const NOT_FOUND = 404;

export class Threads {
  #api;
  #sessionId;
  #shown; // the id of the thread: it stays, also when another one becomes the newest
  #isRunning = false; // whether the session's current turn was in it then
  #all = [];
  #loading = null;

  /** `shown` is the id of the thread to show, '' for the one that is the newest now. */
  constructor(api, sessionId, shown) {
    this.#api = api;
    this.#sessionId = sessionId;
    this.#shown = shown;
    this.api = Object.assign(Object.create(api), {
      state: (id) => this.#state(id),
      resume: (id, cursor, runId) => this.#resume(id, cursor, runId),
    });
  }

  /** The threads as /api/sessions/{id} has them, the oldest first, once they were loaded. */
  get all() {
    return this.#all;
  }

  /** The id of the thread that is shown, '' as long as there is none. */
  get shown() {
    return this.#shown;
  }

  /** Wait until the list is loaded. Where that fails, it stays as it was. */
  loaded() {
    this.#loading ??= this.#load();
    return this.#loading;
  }

  /** Load it again, if the server has the session: there may be others now, or other titles. */
  async refresh() {
    if (this.#shown) await this.#load();
  }

  /** The body of a chat, with the thread that is shown: the newest one may be another. */
  placed(body) {
    return this.#shown ? { ...body, thread_id: this.#shown } : body;
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
      this.#loading = null;
      if (!("status" in error)) throw error;
    }
  }

  /** The state of the thread that is shown: whether a turn runs in it, not in the session. */
  async #state(id) {
    const state = await this.#stateOfShown(id);
    this.#shown = state.thread_id ?? "";
    this.#isRunning = state.thread_is_processing ?? state.is_processing; // a server of the version before says the latter only
    return { ...state, is_processing: this.#isRunning };
  }

  async #stateOfShown(id) {
    const shown = this.#shown;
    try {
      return await this.#api.state(id, shown);
    } catch (error) {
      if (error.status !== NOT_FOUND || !shown) throw error;
    }
    return this.#api.state(id); // the thread was deleted
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
