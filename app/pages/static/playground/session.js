// One open session: what is known of it, kept in step with the server by /api/state, /api/chat and /api/updates.

import { Unreachable } from "./api.js";
import { count, insert, itemsOf, openPlace } from "./history.js";
import { newId } from "./ids.js";
import { isFinal, pause } from "./patience.js";
import { requestsOf } from "./requests.js";
import { Turn } from "./turn.js";
import { UPDATES } from "./updates.js";

const TRIES = 3;

/**
 * Tells of itself by events: `change` (something to show), `ended` (a turn has, as `detail`), `trouble` (an error, as
 * `detail`), `notice` (words, as `detail`), `listed` (what the list of sessions shows has changed), `gone`.
 */
export class Session extends EventTarget {
  items = [];
  requests = new Map(); // what tools ask of the client, by id
  status = "idle";
  title = "";
  app = "default";
  model = "";
  archived = false;
  exists = false;
  loaded = false;
  connected = true;

  constructor(api, id, owner) {
    super();
    this.id = id;
    this._api = api;
    this._owner = owner;
    this._said = new Map();
    this.turns = new Map();
    this._streams = new Set();
    this._sending = 0;
    this._stateAt = 0; // the number of the update that the last state was as of
    this._lastUpdate = "";
    this._closed = false;
  }

  /** The turn that runs, as far as this page follows it. */
  get turn() {
    return this._turn?.open ? this._turn : null;
  }

  get busy() {
    return this._sending > 0 || this.status === "processing" || Boolean(this.turn && !this.turn.stopping);
  }

  /** Messages that wait for the running turn's end. */
  get waiting() {
    const at = this.items.indexOf(this.turn);
    return at < 0 ? [] : this.items.slice(at + 1).filter((item) => item.kind === "said");
  }

  /** Load what there is and follow it from there. */
  async open() {
    try {
      await this._first();
    } finally {
      this.loaded = true;
      this._changed();
    }
    this._listen();
    if (this.exists && !this.turn) await this._follow({ quiet: true }); // how it ended is in its events alone
    this._changed();
  }

  /** Follow a session that nobody has used yet. */
  begin() {
    this.loaded = true;
    this._listen();
  }

  /** Follow no longer. What runs goes on at the server. */
  close() {
    this._closed = true;
    for (const stream of this._streams) stream.close();
  }

  /** Hold no connection open while nobody looks: a browser has only six for all tabs of a site. */
  rest() {
    this._resting = true;
    this._listening?.close();
  }

  /** Catch up, and follow again. */
  async wake() {
    if (!this._resting) return;
    this._resting = false;
    if (this.exists) await this._sync();
    this._listen();
  }

  /** Make the session if it is not there; a first choice or message needs one. */
  async ensure() {
    if (this.exists) return;
    await this._api.createSession(this.id, { public_key: this._owner, app: this.app });
    this.exists = true;
    this.tell("listed");
  }

  /** Send a message; while a turn runs it waits in line at the server. Throws what the server says against it. */
  async send(text) {
    const waits = this.busy;
    const item = { kind: "said", key: newId(), text, sending: true };
    this.items = [...this.items, item];
    this._sending++;
    this._changed();
    const before = this._line;
    const accepted = Promise.withResolvers();
    this._line = accepted.promise; // one at a time: messages keep their order
    try {
      await before;
      await this._choosing;
      await this.ensure();
      const stream = await this._accepted(text, item.key);
      if (!stream) return void this.later();
      if (waits) stream.close(); // its turn is followed when it comes
      else this._follow({ stream, item });
    } catch (error) {
      this.items = this.items.filter((one) => one !== item);
      throw error;
    } finally {
      accepted.resolve();
      item.sending = false;
      this._sending--;
      this._changed();
      if (this._missed) this.later();
    }
  }

  /** Stop the turn: on the screen at once, then at the server. */
  async stop() {
    const turn = this.turn;
    if (!turn || turn.stopping) return;
    turn.stopping = true;
    this.status = "interrupted";
    this._changed();
    try {
      await this._api.interrupt(this.id);
    } catch (error) {
      turn.stopping = false;
      this.status = "processing";
      this._changed();
      throw error;
    }
  }

  /** Use another `app` or `model` from the next message on, which waits for it. */
  choose(what, value) {
    const chosen = this._choose(what, value);
    this._choosing = chosen.catch(() => {}); // whoever chose hears of it
    return chosen;
  }

  async _choose(what, value) {
    const before = this[what];
    this[what] = value;
    try {
      const made = !this.exists && what === "app"; // a new session is made with its app
      await this.ensure();
      if (!made) await this._api.control(this.id, what, { [what]: value });
    } catch (error) {
      this[what] = before;
      throw error;
    }
    await this._sync(); // another app may mean another model
  }

  /** Answer what a tool asked. The model goes on by itself. */
  async answer(id, result) {
    await this._api.control(this.id, "wallet_result", { id, result });
    this.requests.delete(id);
    this._changed();
  }

  async _accepted(text, retryKey) {
    for (let tried = 1; ; tried++) {
      try {
        return this._open(await this._api.chat(this.id, this.app, text, retryKey));
      } catch (error) {
        if (!(error instanceof Unreachable) || tried === TRIES) throw error;
        await pause(tried);
      }
    }
  }

  // What the server has

  async _sync() {
    this._missed = false;
    const sent = this._sending;
    let state;
    try {
      state = await this._api.state(this.id);
    } catch (error) {
      if (error.status !== 404) throw error;
      return;
    }
    if (this._sending < sent) return this._sync(); // a message was accepted meanwhile
    if (Number(state.last_event_id) < Number(this._lastUpdate)) return this._sync(); // more has been heard since
    this._take(state);
    if (state.is_processing && !this.turn) this._follow({});
    this._changed();
  }

  _take(state) {
    const unsent = this.items.filter((item) => item.sending);
    this.exists = true;
    this.items = [...itemsOf(state.messages, this._said, this.turns), ...unsent];
    this.requests = requestsOf(state.user_state, this.requests);
    this._lastUpdate = state.last_event_id;
    this._stateAt = Number(state.last_event_id);
    Object.assign(this, { status: state.status, title: state.title, app: state.app, model: state.model });
  }

  /** Load the state, however long the server stays away. */
  async _first() {
    for (let failed = 0; !this._closed; ) {
      try {
        return await this._sync();
      } catch (error) {
        if (isFinal(error)) throw error;
      }
      this._online(false);
      await pause(++failed);
    }
  }

  /** Look again, soon: several reasons may come at once. */
  later() {
    this._missed = true;
    clearTimeout(this._timer);
    this._timer = setTimeout(async () => {
      if (this._closed || this._sending) return; // `send` looks once it is through
      try {
        await this._sync();
      } catch (error) {
        this.tell("trouble", error);
      }
    }, 30);
  }

  // The chat stream

  /**
   * Follow a turn to its end, over lost connections: that of an open `stream`, which answers the `item` sent, else the
   * current or last one. A `quiet` one is no news.
   */
  async _follow({ stream = null, item = null, quiet = false }) {
    const mark = (this._following = Symbol("a turn"));
    let turn = null;
    let lastId = "0";
    for (let failed = 0; !this._closed && this._following === mark; ) {
      try {
        stream ??= this._open(await this._api.resume(this.id, lastId));
        if (!stream) break;
        if (turn?.runId !== stream.runId) turn = this._begin(stream.runId, item);
        for await (const { id, event } of stream.events()) {
          [lastId, failed] = [id, 0];
          this._hear(turn, event);
        }
        if (turn.end) break;
      } catch (error) {
        if (this._closed) return;
        if (isFinal(error)) {
          turn?.take({ type: "error", message: error.message, code: "lost", retryable: false });
          break;
        }
      }
      this._streams.delete(stream);
      stream = null;
      await pause(++failed);
    }
    this._streams.delete(stream);
    if (turn && !quiet && !this._closed && this._following === mark) this._over(turn);
  }

  _begin(runId, item) {
    const before = this.turns.get(runId);
    const turn = new Turn(runId, before);
    const items = this.items.filter((one) => one.key !== runId);
    const open = this.status === "processing" ? openPlace(items) : count(items);
    turn.place = before?.place || (item ? count(items.slice(0, items.indexOf(item) + 1)) : open);
    turn.unsure = !before && !item && count(items) > open;
    this.turns.set(runId, turn);
    this._turn = turn;
    insert(items, turn);
    this.items = items;
    this._changed();
    return turn;
  }

  _hear(turn, event) {
    turn.take(event);
    if (turn.unsure && turn.open) {
      turn.unsure = false;
      this.later(); // the state knows which of several messages it answers
    }
    if (!turn.stopping || turn.end) this._changed();
  }

  _over(turn) {
    turn.stopping = false;
    this._changed();
    this.tell("ended", turn);
    this.later();
  }

  // The update stream

  async _listen() {
    const mark = (this._hearing = Symbol("a listener"));
    const isOver = () => this._closed || this._resting || this._hearing !== mark;
    for (let failed = 0; !isOver(); ) {
      let stream = null;
      try {
        stream = this._open(await this._api.updates(this.id, this._lastUpdate));
        this._listening = stream;
        if (isOver()) stream.close();
        this._online(true);
        for await (const { id, event } of stream.events()) {
          failed = 0;
          if (id) this._lastUpdate = id;
          this._update(event, Number(id));
        }
      } catch (error) {
        if (isOver()) return;
        if (isFinal(error)) return this.tell("trouble", error);
      }
      this._streams.delete(stream);
      if (isOver()) return;
      if (failed) this._online(false);
      await pause(++failed);
    }
  }

  _update(event, number) {
    if (event.type === "async_tool_result" && number <= this._stateAt) return; // the state had it
    const hear = UPDATES[event.type];
    if (hear) hear(this, event);
    this._changed();
  }

  _online(connected) {
    this.connected = connected;
    this._changed();
  }

  _open(stream) {
    if (stream) this._streams.add(stream);
    if (this._closed) stream?.close();
    return stream;
  }

  _changed() {
    this.tell("change");
  }

  /** Tell who listens. */
  tell(type, detail) {
    if (!this._closed) this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
