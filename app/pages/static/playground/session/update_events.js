// Applies the events of /api/updates to what the page knows of the session.

import { WORDS } from "../words.js";

const DELETED = "This session was deleted"; // how the server's notice of a deletion begins

export class UpdateEvents {
  #data;
  #follower;
  #sync;
  #notify;

  /** `notify(type, detail)` dispatches an event of the session: `change`, `listed`, `notice` or `gone`. */
  constructor(data, follower, sync, notify) {
    this.#data = data;
    this.#follower = follower;
    this.#sync = sync;
    this.#notify = notify;
  }

  /** Apply an event; `number` is its update number, 0 where it has none. */
  apply(event, number) {
    this.#apply(event, number);
    this.#notify("change");
  }

  #apply(event, number) {
    switch (event.type) {
      case "state":
        return this.#state(event, number);
      case "title_changed":
        return this.#titleChanged(event);
      case "model_changed":
        return this.#data.setFields({ model: event.model });
      case "async_tool_result":
        return this.#toolStep(event, number);
      case "wallet_tx_request":
      case "wallet_eip712_request":
      case "client_request":
        this.#data.requests.add(event);
        return this.#sync.soon(); // the state says which tool asks
      case "client_request_closed":
        return this.#requestsClosed(event);
      case "tool_pending":
        return this.#callWaits(event);
      case "tool_answered":
        return this.#callAnswered(event);
      case "system_notice":
        return this.#notify(event.message.startsWith(DELETED) ? "gone" : "notice", event.message);
      case "history_compacted":
        return this.#notify("notice", WORDS.notices.summedUp);
      case "gap":
        return this.#sync.soon();
    }
  }

  #state(event, number) {
    const { turn } = this.#follower;
    const { status, ...others } = event;
    this.#data.setFields(turn?.stopping ? others : { ...others, status });
    const isNewTurn = event.is_processing && !turn;
    const isNewSession = number > 0 && !this.#data.exists; // it was used before this subscription began
    const isOthers = event.run_id && !this.#data.transcript.knows(event.run_id); // a message of another page
    const { threadId } = this.#data;
    const isOtherThread = Boolean(event.thread_id && threadId && event.thread_id !== threadId);
    const isOtherBranch = event.thread_id !== undefined && !isOtherThread;
    if (isOtherBranch) this.#data.transcript.forgetPlaces();
    if (event.withdrawn) this.#data.transcript.withdraw(event.withdrawn);
    const isNewState = event.user_state && !this.#data.includes(number); // a subscription begins with the known one
    if (isNewTurn || isNewSession || isOthers || isOtherBranch || event.withdrawn || isNewState) this.#sync.soon();
    if (event.is_archived !== undefined || event.run_id || isOtherThread) this.#notify("listed");
  }

  #titleChanged(event) {
    if (!event.thread_id) this.#data.setFields({ title: event.title });
    this.#notify("listed");
  }

  #toolStep(event, number) {
    if (!this.#data.includes(number)) this.#data.transcript.addStep(event, new Date());
  }

  #callWaits(event) {
    if (event.thread_id === this.#data.threadId) this.#data.openCalls.add(event);
    else this.#sync.soon();
  }

  #callAnswered({ call_id, name, outcome }) {
    this.#data.openCalls.remove(call_id);
    if (outcome === "expired") this.#notify("notice", WORDS.calls.hasExpired(name));
    this.#sync.soon(); // the state has its result
  }

  #requestsClosed({ ids, outcome }) {
    for (const id of ids) this.#data.requests.remove(id);
    if (outcome === "expired") this.#notify("notice", WORDS.requests.hasExpired);
  }
}
