// Actions on messages: send one, take back one that waits, edit one, have one answered again, choose another version, rate one.

import { newId } from "../ids.js";

export class MessageActions {
  #api;
  #sessionId;
  #parts;
  #rated = Promise.resolve();

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

  /** Messages that wait to be answered again, as in `waiting` of /api/state. */
  get regenerations() {
    return this.#parts.data.regenerations;
  }

  /** Send a message with its attachments; while a turn runs, it waits at the server. Throws the server's refusal. */
  async send(text, attachments) {
    const { transcript } = this.#parts.data;
    const hasToWait = this.haveToWait;
    const message = transcript.addUnsent(text, attachments);
    const accepted = (connection) => this.#accepted(connection, message, hasToWait);
    await this.#post(message, () => this.#body(message), accepted, () => transcript.remove(message));
  }

  /** Put another text in the place of a message. The former one and what follows it stay, as another branch. */
  async edit(message, text) {
    const { transcript } = this.#parts.data;
    const putBack = transcript.cutBehind(message, { isReplaced: true });
    const edited = transcript.addUnsent(text, message.attachments);
    const body = async () => ({ ...(await this.#body(edited)), edit: message.id });
    await this.#post(edited, body, (connection) => this.#accepted(connection, edited), putBack);
  }

  /** Have a message answered again. The former reply and what follows it stay, as another branch. */
  async regenerate(message) {
    const putBack = this.#parts.data.transcript.cutBehind(message);
    const request = { id: newId() };
    await this.#post(request, async () => ({ regenerate: message.id }), (connection) => this.#accepted(connection, message), putBack);
  }

  /** Show the branch of another version of a message, `messageId`. Throws the server's refusal. */
  async choose(messageId) {
    const { data, sync } = this.#parts;
    await this.#api.chooseBranch(this.#sessionId, data.threadId, messageId);
    data.transcript.forgetPlaces();
    await sync.load();
  }

  /** Rate the reply of a turn "up" or "down"; "" takes the rating back. One request at a time. Throws the server's refusal. */
  async rate(turn, rating) {
    const before = turn.rating;
    turn.rating = rating;
    this.#parts.changed();
    const request = this.#rated.then(() => this.#api.rate(this.#sessionId, turn.runId, rating || null));
    this.#rated = request.catch(() => {});
    try {
      await request;
    } catch (error) {
      turn.rating = before;
      throw error;
    }
  }

  /** Take back a message that waits, or a regeneration ({runId}). Throws the server's refusal, such as 409 if it has begun meanwhile. */
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

  async #body({ id, text, attachments }) {
    const references = await this.#parts.drafts.references(attachments);
    return { text, message_id: id, ...(references.length && { attachments: references }), usage: true };
  }

  /** Post a message, and `undo()` what is shown of it if that fails. */
  async #post(message, body, accepted, undo) {
    const { sender, settings, sync, changed } = this.#parts;
    const prepare = async () => ({ app: await settings.ready(), body: await body() });
    const sent = sender.send(message, prepare, accepted);
    changed();
    try {
      await sent;
    } catch (error) {
      undo();
      if (error.status === 404) sync.soon(); // the thread, or all of the session, is gone
      throw error;
    } finally {
      changed();
      sync.sent();
    }
  }

  #accepted(connection, message, hasToWait = false) {
    const { sync, follower } = this.#parts;
    if (!connection) return sync.soon();
    if (!hasToWait) return follower.followReply(connection, message);
    message.runId = connection.runId;
    connection.close(); // its turn is followed when it begins
  }
}
