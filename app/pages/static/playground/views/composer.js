// The message box with its buttons.

import { WORDS } from "../words.js";
import { setText } from "./dom.js";
import { isSendKey, tooLong } from "./message_text.js";

const MAX_ROWS = 8;
const CHARACTER_WIDTH = 8; // pixels, roughly

export class Composer {
  /** `limit` is where it says that the text is too long. `actions.send(text)` and `actions.stop()`. */
  constructor(form, limit, actions) {
    this._limit = limit;
    this._form = form;
    this._box = form.querySelector("textarea");
    this._send = form.querySelector("[data-do=send]");
    this._stop = form.querySelector("[data-do=stop]");
    this._actions = actions;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this._submit();
    });
    this._box.addEventListener("keydown", (event) => this._keyDown(event));
    this._box.addEventListener("input", () => this._fit());
    this._stop.addEventListener("click", () => actions.stop());
    this._fit();
  }

  /** `isRunning`: a turn can be stopped. `isBusy`: a message sent now has to wait. `hasFiles`: files go with it. */
  show({ isRunning, isBusy, hasFiles }) {
    const hadFocus = document.activeElement === this._stop;
    this._stop.hidden = !isRunning;
    if (hadFocus && !isRunning) this.focus();
    const label = isBusy ? WORDS.composer.sendToWait : WORDS.composer.send;
    this._send.setAttribute("aria-label", label);
    this._send.title = label;
    const { write, writeNext, writeOfFiles } = WORDS.composer;
    this._box.placeholder = hasFiles ? writeOfFiles : isBusy ? writeNext : write;
  }

  focus() {
    this._box.focus();
  }

  get isEmpty() {
    return !this.text.trim();
  }

  get text() {
    return this._box.value;
  }

  set text(text) {
    this._box.value = text;
    this._fit();
  }

  _submit() {
    const text = this.text.trim();
    if (this._send.disabled) return;
    this.text = "";
    this._actions.send(text);
  }

  _keyDown(event) {
    if (isSendKey(event)) {
      event.preventDefault();
      this._submit();
    }
  }

  _fit() {
    const problem = tooLong(this.text);
    setText(this._limit, problem);
    this._limit.hidden = !problem;
    this._send.disabled = this.isEmpty || Boolean(problem);
    this._box.rows = Math.min(MAX_ROWS, Math.max(1, this._lines()));
  }

  _lines() {
    const perLine = Math.max(16, Math.floor(this._box.clientWidth / CHARACTER_WIDTH));
    return this._box.value.split("\n").reduce((sum, line) => sum + 1 + Math.floor(line.length / perLine), 0);
  }
}
