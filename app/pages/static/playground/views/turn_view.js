// A turn: the model's thoughts, text and tool calls, and how it ended.

import { copyButton, el, hiddenHeading, icon, setChildren } from "./dom.js";
import { turnErrorHelp } from "./error_help.js";
import { renderMarkdown } from "./markdown.js";
import { ThoughtCard } from "./thought_card.js";
import { ToolCard } from "./tool_card.js";

export class TurnView {
  constructor(turn, actions, files) {
    this._turn = turn;
    this._actions = actions;
    this._files = files;
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
    for (const view of views) view.update({ isWriting });
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
    if (!this._partViews.has(part)) this._partViews.set(part, new PART_VIEWS[part.kind](part, this._files));
    return this._partViews.get(part);
  }

  _failureBox(lastMessage) {
    const { what, next, canRetry } = turnErrorHelp(this._turn.error);
    const sendAgain = () => this._actions.sendAgain(lastMessage);
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

const PART_VIEWS = { text: TextView, thought: ThoughtCard, tool: ToolCard };
