// The versions of a message or a reply: which one is shown, and buttons to the others.

import { WORDS } from "../words.js";
import { el, iconButton, setText } from "./dom.js";

export class Versions {
  /** `choose(siblings, number)` shows the `number`-th version. */
  constructor(choose) {
    this._choose = choose;
    this._shown = null;
    this._siblings = [];
    this._previous = iconButton("back", WORDS.messages.previousVersion, () => this._go(-1));
    this._next = iconButton("chevron", WORDS.messages.nextVersion, () => this._go(1));
    this._place = el("span");
    this.element = el("div", { className: "versions", role: "group", "aria-label": WORDS.messages.versions }, this._previous, this._place, this._next);
  }

  /** Show which of `siblings` the one with `id` is. While the session is busy, no other one can be chosen. */
  update(siblings, id, isBusy) {
    const shown = `${siblings} ${id} ${isBusy}`;
    if (this._shown === shown) return; // a long conversation has many of these
    this._shown = shown;
    this._siblings = siblings;
    this._number = siblings.indexOf(id) + 1;
    this.element.hidden = siblings.length < 2;
    this.element.dataset.of = siblings.join(" ");
    setText(this._place, siblings.length ? `${this._number} / ${siblings.length}` : "");
    this._previous.disabled = isBusy || this._number <= 1;
    this._next.disabled = isBusy || this._number === siblings.length;
  }

  _go(step) {
    this._choose(this._siblings, this._number + step);
  }
}
