// The conversations of this browser, loaded again while one of them, which is not open, gets a reply.

const DELAY = 5000; // milliseconds

export class SessionList {
  #api;
  #owner;
  #handlers;
  #timer = 0;

  /** `handlers`: `openId()`, the id of the open session; `loaded(sessions)`; `failed(error)` of a load by itself. */
  constructor(api, owner, handlers) {
    this.#api = api;
    this.#owner = owner;
    this.#handlers = handlers;
  }

  /** Load the list, and mark the open session as seen while the page is visible. */
  async load() {
    clearTimeout(this.#timer);
    const sessions = await this.#api.sessions(this.#owner);
    const openId = this.#handlers.openId();
    this.#handlers.loaded(sessions);
    const isNewsDue = sessions.some(({ session_id: id, status }) => status === "processing" && id !== openId);
    if (isNewsDue) this.#timer = setTimeout(() => this.load().catch(this.#handlers.failed), DELAY);
    const open = sessions.find(({ session_id: id }) => id === openId);
    if (open?.unread && !document.hidden) await this.#api.markSeen(openId, open.last_event_id);
  }
}
