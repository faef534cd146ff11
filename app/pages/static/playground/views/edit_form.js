// A message that is edited in its place.

import { el } from "./dom.js";

const MAX_CHARACTERS = 32000; // of a message, as in index.html
const MAX_ROWS = 12;

export class EditForm {
  /** `save(text)` resolves to whether the text was accepted. */
  constructor(text, { save, cancel }) {
    this._save = save;
    this._cancel = cancel;
    this._isBusy = false;
    this._box = el("textarea", {
      value: text,
      maxLength: MAX_CHARACTERS,
      "aria-label": "Edited message",
      oninput: () => this._fit(),
      onkeydown: (event) => this._keyDown(event),
    });
    this._send = el("button", { type: "submit", className: "primary" }, "Send");
    const leave = el("button", { type: "button", className: "secondary", onclick: cancel }, "Cancel");
    const onsubmit = (event) => {
      event.preventDefault();
      this._submit();
    };
    const buttons = el("div", { className: "buttons" }, leave, this._send);
    this.element = el("form", { className: "edit", "aria-label": "Edit this message", onsubmit }, this._box, buttons);
    this._fit();
  }

  focus() {
    this._box.focus();
  }

  /** While the session is busy, nothing can be sent. */
  update({ isBusy }) {
    this._isBusy = isBusy;
    this._fit();
  }

  async _submit() {
    const text = this._box.value.trim();
    if (!text || this._isBusy) return;
    if (!(await this._save(text))) this.focus();
  }

  _keyDown(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this._submit();
    }
    if (event.key !== "Escape") return;
    event.stopPropagation(); // the page's own Escape stops a turn
    this._cancel();
  }

  _fit() {
    this._send.disabled = this._isBusy || !this._box.value.trim();
    this._box.rows = Math.min(MAX_ROWS, Math.max(2, this._box.value.split("\n").length));
  }
}
