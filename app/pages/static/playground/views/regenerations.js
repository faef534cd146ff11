// The messages that wait to be answered again, below the conversation.

import { WORDS } from "../words.js";
import { el, setChildren } from "./dom.js";

export class Regenerations {
  /** `withdraw(runId)` takes one back. */
  constructor(root, withdraw) {
    this._root = root;
    this._withdraw = withdraw;
    this._rows = new Map(); // by run id
  }

  show(regenerations) {
    this._rows = new Map(regenerations.map((one) => [one.run_id, this._rows.get(one.run_id) ?? this._row(one)]));
    setChildren(this._root, [...this._rows.values()]);
  }

  _row({ run_id: runId, text }) {
    const button = el("button", { type: "button", className: "link", onclick: () => this._withdraw(runId) }, WORDS.messages.withdraw);
    return el("p", { className: "badge" }, WORDS.messages.waitingAgain(text), button);
  }
}
