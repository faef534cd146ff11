// Thoughts of a model: folded, with the time that they took. They can be opened while they grow.

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
    this.element.classList.toggle("thinks", isOpen && isWriting);
    setText(this._label, isOpen && isWriting ? "Thinking" : duration === null ? "Thoughts" : `Thought for ${durationText(duration)}`);
    this._draw();
  }

  /** Draw the text only while it can be seen. */
  _draw() {
    if (this.element.open) this._markdown.show(this._thought.text, this._thought.isOpen);
  }
}

function durationText(milliseconds) {
  const seconds = Math.round(milliseconds / SECOND);
  if (seconds < 1) return "a moment";
  return seconds < MINUTE ? `${seconds} s` : `${Math.floor(seconds / MINUTE)} min ${seconds % MINUTE} s`;
}
