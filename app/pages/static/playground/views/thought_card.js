// Thoughts of a model: folded, with the time that they took. They can be opened while they grow.

import { WORDS } from "../words.js";
import { el, icon, setText } from "./dom.js";
import { MarkdownView } from "./markdown_view.js";

const SECOND = 1000;
const MINUTE = 60;

export class ThoughtCard {
  constructor(thought) {
    this._thought = thought;
    this._label = el("span", { className: "thought-label" });
    const text = el("div", { className: "prose" });
    this._markdown = new MarkdownView(text);
    const ontoggle = () => this._draw();
    const summary = el("summary", {}, icon("thought"), this._label, icon("chevron"));
    this.element = el("details", { className: "thought", ontoggle }, summary, text);
  }

  /** `isWriting`: the turn goes on. */
  update({ isWriting }) {
    const { isOpen, duration } = this._thought;
    const { thinking, thoughts, thoughtFor } = WORDS.turns;
    this.element.classList.toggle("thinks", isOpen && isWriting);
    setText(this._label, isOpen && isWriting ? thinking : duration === null ? thoughts : thoughtFor(durationText(duration)));
    this._draw();
  }

  /** Draw the text only while it can be seen. */
  _draw() {
    if (this.element.open) this._markdown.show(this._thought.text, { isGrowing: this._thought.isOpen });
  }
}

function durationText(milliseconds) {
  const seconds = Math.round(milliseconds / SECOND);
  if (seconds < 1) return WORDS.turns.aMoment;
  const rest = WORDS.units.seconds(seconds % MINUTE);
  return seconds < MINUTE ? rest : `${WORDS.units.minutes(Math.floor(seconds / MINUTE))} ${rest}`;
}
