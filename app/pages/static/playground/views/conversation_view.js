// Shows the transcript of a session: messages, replies to tools, and turns with their text, tools and end.

import { copyButton, el, icon, setChildren, setText } from "./dom.js";
import { turnErrorHelp } from "./error_help.js";
import { renderMarkdown } from "./markdown.js";
import { ToolCard } from "./tool_card.js";

export class ConversationView {
  /** `actions.send(text)` sends a message again. */
  constructor(root, actions) {
    this._root = root;
    this._actions = actions;
    this._views = new WeakMap(); // by item
  }

  show(session) {
    const waiting = new Set(session.waiting);
    const views = session.items.map((item) => this._view(item));
    let lastMessage = "";
    session.items.forEach((item, index) => {
      if (item.kind === "message") lastMessage = item.text;
      views[index].update({ isWaiting: waiting.has(item), lastMessage });
    });
    setChildren(this._root, views.map((view) => view.element));
  }

  _view(item) {
    if (!this._views.has(item)) this._views.set(item, new VIEWS[item.kind](item, this._actions));
    return this._views.get(item);
  }
}

class MessageView {
  constructor(message) {
    this._message = message;
    this._badge = el("p", { className: "badge" });
    const text = el("p", { className: "words" }, message.text);
    this.element = el("article", { className: "said" }, hiddenHeading("You"), text, this._badge);
  }

  update({ isWaiting }) {
    const { sending } = this._message;
    setText(this._badge, isWaiting ? "Waiting for the previous reply" : sending ? "Sending" : "");
    this._badge.hidden = !this._badge.textContent;
    this.element.classList.toggle("waits", isWaiting || sending);
  }
}

class ToolReplyView {
  constructor(reply) {
    const name = el("span", { className: "card-name" }, "Your reply to a tool");
    const summary = el("summary", {}, icon("reply"), name, icon("chevron"));
    const body = el("div", { className: "card-body" }, el("pre", { tabIndex: 0 }, reply.text));
    this.element = el("details", { className: "card note" }, summary, body);
  }

  update() {} // it never changes
}

class TurnView {
  constructor(turn, actions) {
    this._turn = turn;
    this._actions = actions;
    this._partViews = new WeakMap();
    this._failure = null;
    this._body = el("div", { className: "parts" });
    const dots = el("span", { className: "dots", "aria-hidden": "true" });
    this._waiting = el("p", { className: "thinking" }, dots, "Waiting for the model");
    this._stopped = el("p", { className: "ending" }, icon("stop"), "Stopped. The text so far is kept.");
    this._copy = copyButton("Copy this reply", () => turn.text, "quiet copy");
    this.element = el("article", { className: "turn" }, hiddenHeading("Assistant"), this._body);
  }

  update({ lastMessage }) {
    const turn = this._turn;
    const isWriting = turn.open && !turn.stopping;
    const views = turn.parts.map((part) => this._partView(part));
    for (const view of views) view.update();
    const extra = [];
    if (isWriting && !views.length) extra.push(this._waiting);
    if (turn.stopping || turn.end === "interrupted") extra.push(this._stopped);
    if (turn.error) extra.push((this._failure ??= this._failureBox(lastMessage)));
    if (turn.end === "complete" && turn.text && this._copy) extra.push(this._copy);
    setChildren(this._body, [...views.map((view) => view.element), ...extra]);
    this.element.classList.toggle("writing", isWriting);
    this.element.setAttribute("aria-busy", String(isWriting));
  }

  _partView(part) {
    if (!this._partViews.has(part)) this._partViews.set(part, part.kind === "text" ? new TextView(part) : new ToolCard(part));
    return this._partViews.get(part);
  }

  _failureBox(lastMessage) {
    const { what, next, canRetry } = turnErrorHelp(this._turn.error);
    const sendAgain = () => this._actions.send(lastMessage);
    const button = el("button", { type: "button", className: "secondary", onclick: sendAgain }, "Send it again");
    return el(
      "div",
      { className: "failure", role: "group", "aria-label": "The reply failed" },
      icon("alert"),
      el("div", {}, el("p", { className: "what" }, what), el("p", {}, next), canRetry && lastMessage ? button : null),
    );
  }
}

/** A text that grows while it streams. */
class TextView {
  constructor(part) {
    this._part = part;
    this._shown = null;
    this.element = el("div", { className: "prose" });
  }

  update() {
    if (this._shown === this._part.text) return;
    this._shown = this._part.text;
    this.element.replaceChildren(renderMarkdown(this._part.text));
  }
}

/** A heading for screen readers only. */
function hiddenHeading(text) {
  return el("h3", { className: "unseen" }, text);
}

const VIEWS = { message: MessageView, tool_reply: ToolReplyView, turn: TurnView };
