// One open session, as the page uses it: what to show, and what the user can do.

import { retry } from "../wire/backoff.js";
import { WORDS } from "../words.js";
import { CallAnswers } from "./call_answers.js";
import { DraftFiles } from "./draft_files.js";
import { MessageActions } from "./message_actions.js";
import { MessageSender } from "./message_sender.js";
import { OlderMessages } from "./older_messages.js";
import { SessionData } from "./session_data.js";
import { SessionFiles } from "./session_files.js";
import { SessionSettings } from "./session_settings.js";
import { StateSync } from "./state_sync.js";
import { Threads } from "./threads.js";
import { TurnFollower } from "./turn_follower.js";
import { UpdateEvents } from "./update_events.js";
import { UpdatesSubscription } from "./updates_subscription.js";
import { UserState } from "./user_state.js";

/**
 * Dispatches `change` (something to draw), `ended` (`detail`: the turn), `failed` (`detail`: an error of a request),
 * `notice` (`detail`: a text), `listed` (the list of sessions has changed) and `gone` (`detail`: why).
 */
export class Session extends EventTarget {
  #api;
  #closed = new AbortController();
  #data = new SessionData();
  #settings;
  #sender;
  #follower;
  #updates;
  #sync;
  #isLoaded = false;
  #isConnected = true;
  #isPaused = false;

  /** `threadId` is the thread to show, '' for the one that is the newest now. */
  constructor(wholeApi, id, owner, threadId = "") {
    super();
    this.id = id;
    this.threads = new Threads(wholeApi, id, threadId);
    const { api } = this.threads;
    this.#api = api;
    this.#settings = new SessionSettings(api, id, owner, this.#data, () => this.#notify("listed"));
    this.#sender = new MessageSender(api, id, (body) => this.threads.placed(body));
    this.#follower = new TurnFollower(api, id, this.#closed.signal, this.#data, {
      changed: () => this.#changed(),
      placeUnknown: () => this.#sync.soon(), // the state has the turn behind its message
      ended: (turn) => this.#turnEnded(turn),
    });
    this.#sync = new StateSync(api, id, this.#closed.signal, {
      pending: () => this.#sender.pending,
      isBehind: (state) => this.#data.isBehind(state, this.#updates.cursor),
      apply: (state) => this.#apply(state),
      missing: () => this.exists && this.#notify("gone", WORDS.notices.isGone),
      failed: (error) => this.#notify("failed", error),
    });
    this.older = new OlderMessages(api, id, this.#data);
    this.files = new SessionFiles(api, id, this.#closed.signal);
    this.drafts = new DraftFiles({
      store: (file, signal) => this.#settings.ready().then(() => this.files.store(file, signal)),
      discard: (fileId) => api.deleteFile(id, fileId).catch(() => {}), // it goes with the session at the latest
      changed: () => this.#changed(),
      failed: (error) => this.#notify("failed", error),
    });
    const parts = {
      data: this.#data, settings: this.#settings, sender: this.#sender, follower: this.#follower,
      sync: this.#sync, drafts: this.drafts, changed: () => this.#changed(),
    };
    this.messages = new MessageActions(api, id, parts);
    this.userState = new UserState(api, id, parts);
    this.answers = new CallAnswers(this.#closed.signal, parts);
    const updateEvents = new UpdateEvents(this.#data, this.#follower, this.#sync, (...told) => this.#notify(...told));
    this.#updates = new UpdatesSubscription(api, id, {
      event: (event, number) => updateEvents.apply(event, number),
      connection: (isOpen) => this.#setConnected(isOpen),
      refused: (error) => this.#notify("failed", error),
    });
  }

  // What to show

  /** `title`, `app` and `model`, as in /api/state. */
  get fields() {
    return this.#data.fields;
  }

  get exists() {
    return this.#data.exists;
  }

  get loaded() {
    return this.#isLoaded;
  }

  get connected() {
    return this.#isConnected;
  }

  get items() {
    return this.#data.transcript.items;
  }

  /** Open client requests. */
  get requests() {
    return this.#data.requests.all;
  }

  /** Tool calls that wait for an answer. */
  get openCalls() {
    return this.#data.openCalls.all;
  }

  /** The turn that runs, if this page follows it. */
  get turn() {
    return this.#follower.turn;
  }

  /** Whether a message sent now has to wait. */
  get busy() {
    return this.messages.haveToWait;
  }

  /** Messages that wait for the running turn's end. */
  get waiting() {
    return this.#data.transcript.waitingBehind(this.turn);
  }

  // Opening and closing

  /** Load the session and follow it. */
  async open() {
    try {
      await this.#load();
    } finally {
      this.#isLoaded = true;
      this.#changed();
    }
    this.#subscribe();
    // how the last turn failed is in its events only, not in the state
    if (this.exists && !this.turn) await this.#follower.followCurrent({ isNews: false });
    this.#changed();
  }

  /** Follow a new session, which the server does not have yet. */
  begin() {
    this.#isLoaded = true;
    this.#subscribe();
  }

  /** Follow it no longer. A running turn goes on at the server. */
  close() {
    this.#closed.abort();
    this.#updates.stop();
  }

  /** Give up the subscription of a hidden page: a browser opens only six connections to a site. */
  pause() {
    this.#isPaused = true;
    this.#updates.stop();
  }

  /** Catch up, and subscribe again. */
  async resume() {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.exists) await this.#load();
    this.#subscribe();
  }

  // What the user does

  /** Stop the turn: on the screen at once, then at the server. */
  async stop() {
    const { turn } = this;
    if (!turn || turn.stopping) return;
    this.#showStopping(turn, true);
    try {
      await this.#api.interrupt(this.id);
    } catch (error) {
      this.#showStopping(turn, false);
      throw error;
    }
  }

  /** Use another `app` or `model` (`field`) from the next message on. That message waits for the choice. */
  async choose(field, value) {
    await this.#settings.choose(field, value);
    await this.#sync.load(); // another app may mean another model
  }

  /** Reply to a client request. The model then goes on by itself. */
  async reply(requestId, result) {
    await this.#api.control(this.id, "wallet_result", { id: requestId, result });
    this.#data.requests.remove(requestId);
    this.#changed();
  }

  /** Load the state, however long the server is away. */
  async #load() {
    const { signal } = this.#closed;
    try {
      await retry(() => this.#sync.load(), signal, () => this.#setConnected(false));
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  #apply(state) {
    this.#data.load(state, this.#updates.cursor);
    this.#updates.skipTo(state.last_event_id);
    if (state.is_processing && !this.turn) this.#follower.followCurrent({ isNews: true });
    this.#changed();
  }

  #subscribe() {
    if (!this.#isPaused && !this.#closed.signal.aborted) this.#updates.start();
  }

  #turnEnded(turn) {
    turn.setStopping(false);
    this.#changed();
    this.#notify("ended", turn);
    this.#sync.soon();
    setTimeout(() => turn.facts?.usage || this.#sync.soon(), 2000); // its usage may be counted a little later
  }

  #showStopping(turn, isStopping) {
    turn.setStopping(isStopping);
    this.#data.setFields({ status: isStopping ? "interrupted" : "processing" });
    this.#changed();
  }

  #setConnected(isConnected) {
    this.#isConnected = isConnected;
    this.#changed();
  }

  #changed() {
    this.#notify("change");
  }

  #notify(type, detail) {
    if (!this.#closed.signal.aborted) this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
