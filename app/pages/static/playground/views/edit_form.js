// A message that is edited in its place.

import { WORDS } from "../words.js";
import { el, setText } from "./dom.js";
import { isComposing, isSendKey, tooLong } from "./message_text.js";

const MAX_ROWS = 12;

export class EditForm {
  /** `save(text)` resolves to whether the text was accepted. */
  constructor(text, { save, cancel }) {
    this._save = save;
    this._cancel = cancel;
    this._isBusy = false;
    this._box = el("textarea", {
      value: text,
      "aria-label": WORDS.messages.edited,
      oninput: () => this._fit(),
      onkeydown: (event) => this._keyDown(event),
    });
    this._send = el("button", { type: "submit", className: "primary" }, WORDS.messages.sendEdited);
    const leave = el("button", { type: "button", className: "secondary", onclick: cancel }, WORDS.messages.cancel);
    const onsubmit = (event) => {
      event.preventDefault();
      this._submit();
    };
    this._problem = el("p", { className: "field-error", role: "status" });
    const buttons = el("div", { className: "buttons" }, leave, this._send);
    const parts = [this._box, this._problem, buttons];
    this.element = el("form", { className: "edit", "aria-label": WORDS.messages.edit, onsubmit }, ...parts);
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
    if (this._send.disabled) return;
    if (!(await this._save(this._box.value.trim()))) this.focus();
  }

  _keyDown(event) {
    if (isSendKey(event)) {
      event.preventDefault();
      this._submit();
    }
    if (event.key !== "Escape" || isComposing(event)) return;
    event.stopPropagation(); // the page's own Escape stops a turn
    this._cancel();
  }

  _fit() {
    const text = this._box.value;
    setText(this._problem, tooLong(text));
    this._send.disabled = this._isBusy || !text.trim() || Boolean(tooLong(text));
    this._box.rows = Math.min(MAX_ROWS, Math.max(2, this._box.value.split("\n").length));
  }
}
