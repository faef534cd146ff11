// A block of code: its language, a button that copies it, and colours, once it is whole and can be seen.

import { WORDS } from "../words.js";
import { copyButton, el } from "./dom.js";
import { highlight, loadHighlighter } from "./highlighting.js";

const SEEN_EARLY = "600px"; // so far below the screen a block gets its colours

const views = new WeakMap(); // by element
const watcher = new IntersectionObserver(
  (entries) => entries.filter((one) => one.isIntersecting).forEach(({ target }) => views.get(target).seen()),
  { rootMargin: SEEN_EARLY, scrollMargin: SEEN_EARLY }, // of the window, and of what scrolls in it
);

export class CodeBlock {
  /** `info` is what Markdown has behind the fence: its first word is the language. */
  constructor(info) {
    this.language = info.trim().split(/[\s,{:]/)[0].toLowerCase();
    this._text = "";
    this._coloured = null; // the text that has its colours
    this._code = el("code");
    const name = this.language ? WORDS.turns.codeIn(this.language) : WORDS.turns.code;
    const box = el("pre", { className: "scrolling", tabIndex: 0, role: "group", "aria-label": name }, this._code);
    this.element = el("div", { className: "code" }, box, copyButton(WORDS.turns.copyCode, () => this._text));
    if (this.language) this.element.dataset.language = this.language;
    views.set(this.element, this);
  }

  /** Show the code, without colours. Text that is there already stays, with what the user has selected in it. */
  show(text) {
    if (text === this._text) return;
    const node = this._code.firstChild;
    const isGrown = this._code.childNodes.length === 1 && node.nodeType === Node.TEXT_NODE && text.startsWith(this._text);
    if (isGrown) node.appendData(text.slice(this._text.length));
    else this._code.textContent = text;
    [this._text, this._coloured] = [text, null];
  }

  /**
   * Colour the code as soon as it is seen; at once, before its first layout, if it probably `isSeen`. Code that has its
   * colours stays, with what the user has selected in it.
   */
  colour({ isSeen = false } = {}) {
    if (!this.language || this._coloured === this._text) return;
    if (isSeen) this.seen();
    else watcher.observe(this.element);
  }

  async seen() {
    watcher.unobserve(this.element);
    const loading = loadHighlighter();
    if (loading) await loading;
    if (this._coloured === this._text) return; // it was seen twice
    this._coloured = this._text;
    const coloured = highlight(this._text, this.language);
    if (coloured) this._code.replaceChildren(...coloured);
  }
}
