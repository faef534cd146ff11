// The conversation: what was said, the turns with their text and tools, and how each ended.

import { ofTurn } from "./advice.js";
import { Card } from "./card.js";
import { arrange, copyButton, el, icon, say } from "./dom.js";
import { rendered } from "./markdown.js";

export class Log {
  /** `actions.again(text)` sends a message again. */
  constructor(root, actions) {
    this._root = root;
    this._actions = actions;
    this._views = new WeakMap();
  }

  show(session) {
    const waiting = new Set(session.waiting);
    const views = session.items.map((item) => this._view(item));
    let asked = "";
    session.items.forEach((item, at) => {
      if (item.kind === "said") asked = item.text;
      views[at].update({ waits: waiting.has(item), asked });
    });
    arrange(this._root, views.map((view) => view.element));
  }

  _view(item) {
    if (!this._views.has(item)) this._views.set(item, new VIEWS[item.kind](item, this._actions));
    return this._views.get(item);
  }
}

class SaidView {
  constructor(item) {
    this._item = item;
    this._badge = el("p", { className: "badge" });
    this.element = el("article", { className: "said" }, heading("You"), el("p", { className: "words" }, item.text), this._badge);
  }

  update({ waits }) {
    say(this._badge, waits ? "Waits for the answer before it" : this._item.sending ? "Sending" : "");
    this._badge.hidden = !this._badge.textContent;
    this.element.classList.toggle("waits", waits || Boolean(this._item.sending));
  }
}

class NoteView {
  constructor(item) {
    const summary = el("summary", {}, icon("reply"), el("span", { className: "card-name" }, "Your answer to a tool"), icon("chevron"));
    const body = el("div", { className: "card-body" }, el("pre", { tabIndex: 0 }, item.text));
    this.element = el("details", { className: "card note" }, summary, body);
  }

  update() {}
}

class TurnView {
  constructor(turn, actions) {
    this._turn = turn;
    this._actions = actions;
    this._parts = new WeakMap();
    this._body = el("div", { className: "parts" });
    this._thinking = el("p", { className: "thinking" }, el("span", { className: "dots", "aria-hidden": "true" }), "Waiting for the model");
    this._stopped = el("p", { className: "ending" }, icon("stop"), "Stopped. The text so far is kept.");
    this._copy = copyButton("Copy this answer", () => turn.text, "quiet copy");
    this.element = el("article", { className: "turn" }, heading("Assistant"), this._body);
  }

  update({ asked }) {
    const turn = this._turn;
    const parts = turn.parts.map((part) => this._part(part));
    for (const part of parts) part.update();
    const extra = [];
    if (turn.open && !turn.stopping && !parts.length) extra.push(this._thinking);
    if (turn.stopping || turn.end === "interrupted") extra.push(this._stopped);
    if (turn.error) extra.push((this._failed ??= this._failure(asked)));
    if (turn.end === "complete" && turn.text && this._copy) extra.push(this._copy);
    arrange(this._body, [...parts.map((part) => part.element), ...extra]);
    this.element.classList.toggle("writing", turn.open && !turn.stopping);
    this.element.setAttribute("aria-busy", String(turn.open && !turn.stopping));
  }

  _part(part) {
    if (!this._parts.has(part)) this._parts.set(part, part.kind === "text" ? new Prose(part) : new Card(part));
    return this._parts.get(part);
  }

  _failure(asked) {
    const { what, next, again } = ofTurn(this._turn.error);
    const button = el("button", { type: "button", className: "secondary", onclick: () => this._actions.again(asked) }, "Send it again");
    return el(
      "div",
      { className: "failure", role: "group", "aria-label": "The answer failed" },
      icon("alert"),
      el("div", {}, el("p", { className: "what" }, what), el("p", {}, next), again && asked ? button : null),
    );
  }
}

/** A text that grows. */
class Prose {
  constructor(part) {
    this._part = part;
    this._shown = null;
    this.element = el("div", { className: "prose" });
  }

  update() {
    if (this._shown === this._part.text) return;
    this._shown = this._part.text;
    this.element.replaceChildren(rendered(this._part.text));
  }
}

function heading(who) {
  return el("h3", { className: "unseen" }, who);
}

const VIEWS = { said: SaidView, note: NoteView, turn: TurnView };
