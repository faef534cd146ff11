// Answers to tool calls that wait. The turn goes on when all of its calls have one.

import { newId } from "../ids.js";

export class CallAnswers {
  #signal;
  #parts;

  /** `parts` are those of the session: `data`, `settings`, `sender`, `follower`, `sync`, and `changed()`. */
  constructor(signal, parts) {
    this.#signal = signal;
    this.#parts = parts;
  }

  /** Send `answers` as docs/approval.md has them: all of them count, or none. Throws the server's refusal. */
  async send(answers) {
    const { data, settings, sender, sync, changed } = this.#parts;
    const prepare = async () => ({ app: await settings.ready(), body: { answers } });
    try {
      await sender.send({ id: newId() }, prepare, (connection) => this.#accepted(connection, answers));
      for (const { call_id } of answers) data.openCalls.remove(call_id);
    } finally {
      changed();
      sync.soon();
    }
  }

  #accepted(connection, answers) {
    const { data, follower } = this.#parts;
    if (!connection) return;
    if (data.transcript.knows(connection.runId)) return this.#drain(connection);
    return follower.followReply(connection, data.transcript.promptOf(answers[0].call_id));
  }

  /** Read a stream of the turn that asked, which says only that other calls still wait: the wire log shows it. */
  async #drain(connection) {
    try {
      for await (const { event } of connection.events(this.#signal)) if (event.type === "complete") break;
    } catch (error) {
      if (!(error instanceof TypeError || this.#signal.aborted)) throw error; // a lost connection changes nothing
    }
    connection.close();
  }
}
