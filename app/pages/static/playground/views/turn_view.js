// A turn: the model's thoughts, text and tool calls, and how it ended.

import { WORDS } from "../words.js";
import { copyButton, el, hiddenHeading, icon, iconButton, setChildren } from "./dom.js";
import { turnErrorHelp } from "./error_help.js";
import { MarkdownView } from "./markdown_view.js";
import { RatingButtons } from "./rating_buttons.js";
import { ThoughtCard } from "./thought_card.js";
import { ToolCard } from "./tool_card.js";
import { TurnFacts } from "./turn_facts.js";
import { Versions } from "./versions.js";

export class TurnView {
  /**
   * `actions.regenerate(message)`, `actions.choose(siblings, number)` and `actions.rate(turn, rating)`; `files` has the
   * bytes of stored files.
   */
  constructor(turn, actions, files) {
    this._turn = turn;
    this._actions = actions;
    this._files = files;
    this._partViews = new WeakMap();
    this._failure = null;
    this._body = el("div", { className: "parts" });
    const dots = el("span", { className: "dots", "aria-hidden": "true" });
    this._waiting = el("p", { className: "thinking" }, dots, WORDS.turns.waiting);
    this._stopped = el("p", { className: "ending" }, icon("stop"), WORDS.turns.stoppedText);
    this._copy = copyButton(WORDS.turns.copy, () => turn.text);
    this._again = iconButton("again", WORDS.turns.regenerate, () => actions.regenerate(this._prompt));
    this._versions = new Versions((siblings, number) => actions.choose(siblings, number));
    this._ratings = new RatingButtons((rating) => actions.rate(turn, rating));
    this._facts = new TurnFacts();
    this._tools = el("div", { className: "tools" }, this._copy, this._ratings.element, this._again, this._versions.element, this._facts.button);
    this.element = el("article", { className: "turn" }, hiddenHeading(WORDS.turns.assistant), this._body);
  }

  /**
   * `prompt` is what the turn answers, a message or a reply to a tool; `openCalls` are the ids of the calls that wait;
   * `goesOn`: another turn has gone on with answers to its calls; `isFollowed`: the end of the conversation is kept in view.
   */
  update({ prompt, isBusy, openCalls, goesOn, isFollowed }) {
    const turn = this._turn;
    this._prompt = prompt;
    const isWriting = turn.open && !turn.stopping;
    const views = turn.parts.map((part) => this._partView(part));
    for (const view of views) view.update({ isWriting: isWriting && view === views.at(-1), openCalls, isFollowed });
    const extra = [];
    if (isWriting && !views.length) extra.push(this._waiting);
    if (turn.stopping || turn.end === "interrupted") extra.push(this._stopped);
    if (turn.error) extra.push((this._failure ??= this._failureBox()));
    if (turn.end && !(goesOn && !turn.siblings.length)) extra.push(this._tools, this._facts.list);
    this._updateTools(isBusy || goesOn);
    setChildren(this._body, [...views.map((view) => view.element), ...extra]);
    this.element.classList.toggle("writing", isWriting);
    this.element.setAttribute("aria-busy", String(isWriting));
  }

  _updateTools(isBusy) {
    const { messageId, siblings, text, error, rating, facts } = this._turn;
    if (this._copy) this._copy.hidden = !text;
    this._ratings.element.hidden = !text;
    this._ratings.update(rating);
    this._again.hidden = isBusy || !this._canRepeat || Boolean(error?.retryable);
    if (this._failure) this._tryAgain.hidden = isBusy || !this._canRepeat || !error.retryable;
    this._versions.update(siblings, messageId, isBusy);
    this._facts.update(facts);
  }

  /** Whether the turn answers a message of the user: a reply to a tool is answered once. */
  get _canRepeat() {
    return this._prompt?.kind === "message";
  }

  _partView(part) {
    if (!this._partViews.has(part)) this._partViews.set(part, new PART_VIEWS[part.kind](part, this._files));
    return this._partViews.get(part);
  }

  _failureBox() {
    const { what, next } = turnErrorHelp(this._turn.error);
    const again = () => this._actions.regenerate(this._prompt);
    this._tryAgain = el("button", { type: "button", className: "secondary", onclick: again }, WORDS.turns.tryAgain);
    return el(
      "div",
      { className: "failure", role: "group", "aria-label": WORDS.turns.failed },
      icon("alert"),
      el("div", {}, el("p", { className: "what" }, what), el("p", {}, next), this._tryAgain),
    );
  }
}

class TextView {
  constructor(part) {
    this._part = part;
    this.element = el("div", { className: "prose" });
    this._markdown = new MarkdownView(this.element);
  }

  update({ isWriting, isFollowed }) {
    this._markdown.show(this._part.text, { isGrowing: isWriting, isFollowed });
  }
}

const PART_VIEWS = { text: TextView, thought: ThoughtCard, tool: ToolCard };
