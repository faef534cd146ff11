// The session's user state: a JSON object that the model reads.

const OF_THE_SERVER = new Set(["pending_txs", "pending_eip712s", "pending_requests", "next_id"]); // docs/wallets.md

export class UserState {
  #api;
  #sessionId;
  #parts;

  /** `parts` are those of the session: `data`, `settings`, and `changed()`. */
  constructor(api, sessionId, parts) {
    this.#api = api;
    this.#sessionId = sessionId;
    this.#parts = parts;
  }

  /** What clients have set, without what the server adds while tools wait. */
  get value() {
    const entries = Object.entries(this.#parts.data.fields.user_state);
    return Object.fromEntries(entries.filter(([name]) => !OF_THE_SERVER.has(name)));
  }

  /** Put `value`, an object, in its place. Throws the server's refusal. */
  async save(value) {
    const { data, settings, changed } = this.#parts;
    await settings.ready();
    await this.#api.control(this.#sessionId, "user_state", value);
    data.setFields({ user_state: value });
    changed();
  }
}
