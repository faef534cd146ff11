// What the user does with messages: send one, take one back that waits.

export class MessageActions {
  #api;
  #sessionId;
  #parts;

  /** `parts` are those of the session: `data`, `settings`, `sender`, `follower`, `sync`, `drafts`, and `changed()`. */
  constructor(api, sessionId, parts) {
    this.#api = api;
    this.#sessionId = sessionId;
    this.#parts = parts;
  }

  /** Whether a message sent now has to wait. */
  get haveToWait() {
    const { sender, data, follower } = this.#parts;
    const isRunning = follower.turn !== null && !follower.turn.stopping;
    return sender.pending > 0 || data.isProcessing || isRunning;
  }

  /** Send a message with its attachments; while a turn runs, it waits at the server. Throws the server's refusal. */
  async send(text, attachments) {
    const { data, drafts } = this.#parts;
    const hasToWait = this.haveToWait;
    const message = data.transcript.addUnsent(text, attachments);
    const body = async () => ({ text, ...(attachments.length && { attachments: await drafts.references(attachments) }) });
    try {
      await this.#post(message, body, hasToWait);
    } catch (error) {
      data.transcript.remove(message);
      throw error;
    } finally {
      this.#sent();
    }
  }

  /** Take back a message that waits. Throws the server's refusal, such as 409 if it has begun meanwhile. */
  async withdraw(message) {
    const { data, sync, changed } = this.#parts;
    try {
      await this.#api.withdraw(this.#sessionId, message.runId);
      data.transcript.withdraw(message.runId);
      changed();
    } finally {
      sync.soon();
    }
  }

  async #post(message, body, hasToWait) {
    const { sender, settings, changed } = this.#parts;
    const sent = sender.send(
      message,
      async () => ({ app: await settings.ready(), body: await body() }),
      (connection) => this.#accepted(connection, message, hasToWait),
    );
    changed();
    await sent;
  }

  #accepted(connection, message, hasToWait) {
    const { sync, follower } = this.#parts;
    if (!connection) return sync.soon();
    if (!hasToWait) return follower.followReply(connection, message);
    message.runId = connection.runId;
    connection.close(); // its turn is followed when it begins
  }

  #sent() {
    this.#parts.changed();
    this.#parts.sync.sent();
  }
}
