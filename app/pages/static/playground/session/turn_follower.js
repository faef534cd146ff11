// Follows the turns of a session while they run: their events go into the transcript.

import { ApiError } from "../wire/api.js";
import { WORDS } from "../words.js";
import { TurnStream } from "./turn_stream.js";

const LOST = { code: "lost", retryable: false };

export class TurnFollower {
  #api;
  #sessionId;
  #signal;
  #data;
  #handlers;
  #followed = new Map(); // turns by run id, until their streams end
  #lastRead = ""; // the run id of the turn whose end this page read last

  /**
   * `handlers`: `changed()`; `placeUnknown()` once a turn runs whose message had to be guessed; `ended(turn)`. An aborted
   * `signal` ends all streams.
   */
  constructor(api, sessionId, signal, data, handlers) {
    this.#api = api;
    this.#sessionId = sessionId;
    this.#signal = signal;
    this.#data = data;
    this.#handlers = handlers;
  }

  /** The latest turn, while it runs. */
  get turn() {
    return [...this.#followed.values()].findLast((turn) => turn.open) ?? null;
  }

  /** Follow the turn of an open `connection`, which the server opened for `message`. */
  followReply(connection, message) {
    return this.#follow(new TurnStream(this.#api, this.#sessionId, connection, this.#signal), message, true);
  }

  /** Follow the current or last turn. `isNews` is false for a turn that may have ended long ago. */
  async followCurrent({ isNews }) {
    const stream = await this.#open();
    if (!stream) return;
    if (isNews && stream.runId === this.#lastRead) return stream.close(); // what called it news is older than its end
    await this.#follow(stream, null, isNews);
  }

  async #open() {
    try {
      return await TurnStream.open(this.#api, this.#sessionId, this.#signal);
    } catch (error) {
      if (this.#signal.aborted || error instanceof ApiError) return null; // such as 404: deleted meanwhile
      throw error;
    }
  }

  async #follow(stream, message, isNews) {
    const isElsewhere = !isNews && !this.#data.transcript.canHave(stream.runId); // on another branch
    if (this.#followed.has(stream.runId) || isElsewhere) return stream.close();
    const { turn, isGuess } = this.#data.transcript.beginTurn(stream.runId, message, this.#data.isProcessing);
    this.#followed.set(stream.runId, turn);
    this.#handlers.changed();
    await this.#readToEnd(stream, turn, isGuess);
    this.#followed.delete(stream.runId);
    const isLatest = !this.turn; // a stopped turn may end after the next one has begun
    if (isNews && isLatest && !this.#signal.aborted) this.#handlers.ended(turn);
  }

  async #readToEnd(stream, turn, isGuess) {
    let isPlaced = !isGuess;
    try {
      for await (const event of stream.events()) {
        turn.applyEvent(event);
        if (event.type === "tool_result") this.#data.transcript.setEarlierResult(event, turn);
        if (!isPlaced && turn.open) this.#handlers.placeUnknown();
        isPlaced = true;
        if (!turn.stopping || turn.end) this.#handlers.changed();
      }
      if (turn.open) turn.fail({ ...LOST, message: WORDS.turns.isLost });
      else this.#lastRead = stream.runId;
    } catch (error) {
      if (this.#signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      turn.fail({ ...LOST, message: error.message });
    }
  }
}
