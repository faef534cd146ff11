// The messages of the branch that is shown, as the API has them: its newest ones, and older ones as far as they were loaded.

export class History {
  #messages = [];
  #hasMore = false;

  get messages() {
    return this.#messages;
  }

  /** Whether there are older messages than those that were loaded. */
  get hasMore() {
    return this.#hasMore;
  }

  /**
   * Take over the `newest` messages. Older ones stay if they lead to those: a message has one past, except for an edit,
   * which waits at the end of the branch before.
   */
  takeOver(newest, hasMore) {
    const { id: first, parent_id: parent } = newest[0] ?? {};
    const place = this.#messages.findIndex(({ id }) => id === first);
    const older = this.#messages.slice(0, Math.max(place, 0));
    const leadsThere = older.some(({ id }) => id === parent);
    this.#messages = leadsThere ? [...older, ...newest] : newest;
    if (!leadsThere) this.#hasMore = hasMore;
  }

  /** Put a page in front that ends before the message `before`. Whether that is still the first one. */
  putBefore(before, { messages, has_more: hasMore }) {
    if (this.#messages[0]?.id !== before) return false;
    this.#messages = [...messages, ...this.#messages];
    this.#hasMore = hasMore;
    return true;
  }
}
