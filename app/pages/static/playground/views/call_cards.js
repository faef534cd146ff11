// The tool calls that wait for the user: a card for each, and buttons that answer all at once.

import { WORDS } from "../words.js";
import { CallCard } from "./call_card.js";
import { el, setChildren, setText } from "./dom.js";
import { answerErrorHelp } from "./error_help.js";
import { announce } from "./notices.js";

const TICK = 5000; // milliseconds between two drawings of how long calls still wait

export class CallCards {
  /** `actions.send(answers)` sends answers; `actions.leave()` moves the focus once no card is left. */
  constructor(main, actions) {
    this._root = main.querySelector("#calls");
    this._hint = main.querySelector("#declines"); // what a message does to calls that wait
    this._box = main.querySelector("#message");
    this._actions = actions;
    this._cards = new Map(); // by call
    this._session = "";
    this._calls = [];
    this._number = 0; // of the next card
    this._approveAll = this._button("primary", () => this._answerAll((card) => card.approval()));
    this._declineAll = this._button("secondary", () => this._answerAll((card) => card.decline()));
    this._all = el("div", { className: "buttons" }, this._approveAll, this._declineAll);
    this._error = el("p", { className: "field-error", role: "alert" }); // of an answer to all
    setInterval(() => this._tick(), TICK);
  }

  /** Show the calls of a session that wait. */
  show({ id, openCalls }) {
    if (id !== this._session) this._forget();
    this._session = id;
    this._calls = openCalls;
    const added = openCalls.filter((call) => !this._cards.has(call));
    const kept = [...this._cards].filter(([call, card]) => card.isHeld || card.isSending || openCalls.includes(call));
    this._cards = new Map([...kept, ...added.map((call) => [call, this._card(call)])]);
    this._draw();
    const names = openCalls.map(({ name }) => name); // all: the calls of a reply may come one by one
    if (added.length) announce(WORDS.calls.wait(names));
  }

  /** Another session is shown. */
  _forget() {
    this._cards.clear();
    setText(this._error, "");
  }

  _draw() {
    const cards = [...this._cards.values()];
    const hadFocus = this._root.contains(document.activeElement);
    const approvals = this._approvals().length;
    setText(this._approveAll, WORDS.calls.approveAll(approvals));
    setText(this._declineAll, WORDS.calls.declineAll(approvals));
    const elements = cards.map(({ element }) => element);
    setChildren(this._root, [...elements, ...(approvals > 1 ? [this._all] : []), this._error]);
    this._root.hidden = !cards.length;
    this._showHint(this._calls.length > 0);
    if (hadFocus && !this._root.contains(document.activeElement)) (cards[0] ?? { focus: this._actions.leave }).focus();
  }

  _showHint(isShown) {
    if (this._hint.hidden !== isShown) return;
    this._hint.hidden = !isShown;
    this._box.setAttribute("aria-describedby", isShown ? `${this._hint.id} keys` : "keys");
  }

  _approvals() {
    return [...this._cards.values()].filter((card) => card.isApproval && !card.isHeld);
  }

  /** Send one answer for each approval that waits, or none if one of them cannot be sent. */
  async _answerAll(answerOf) {
    const cards = this._approvals();
    const answers = cards.map(answerOf);
    if (answers.includes(null) || cards.some((card) => card.isSending)) return;
    setText(this._error, "");
    for (const card of cards) card.setSending(true);
    try {
      await this._actions.send(answers);
    } catch (error) {
      setText(this._error, answerErrorHelp(error).words);
    }
    for (const card of cards) card.setSending(false);
    this.show({ id: this._session, openCalls: this._calls });
  }

  _card(call) {
    return new CallCard(call, `call-${++this._number}`, { send: this._actions.send, close: (card) => this._close(card) });
  }

  _close(closed) {
    this._cards = new Map([...this._cards].filter(([, card]) => card !== closed));
    this._draw();
  }

  _button(className, onclick) {
    return el("button", { type: "button", className, onclick });
  }

  _tick() {
    for (const card of this._cards.values()) card.update();
  }
}
