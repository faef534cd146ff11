// The message box with its buttons.

const MAX_ROWS = 8;
const CHARACTER_WIDTH = 8; // pixels, roughly

export class Composer {
  /** `actions.send(text)` and `actions.stop()`. */
  constructor(form, actions) {
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
    const label = isBusy ? "Send; it waits for the running reply" : "Send";
    this._send.setAttribute("aria-label", label);
    this._send.title = label;
    this._box.placeholder = hasFiles ? "Say what to do with it" : isBusy ? "Next message" : "Write a message";
  }

  focus() {
    this._box.focus();
  }

  get isEmpty() {
    return !this._box.value.trim();
  }

  /** Put back a text that could not be sent, before what was typed since. */
  restore(text) {
    this._box.value = [text, this._box.value].filter(Boolean).join("\n");
    this._fit();
    this.focus();
  }

  _submit() {
    const text = this._box.value.trim();
    if (!text) return;
    this._box.value = "";
    this._fit();
    this._actions.send(text);
  }

  _keyDown(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this._submit();
    }
  }

  _fit() {
    this._send.disabled = this.isEmpty;
    this._box.rows = Math.min(MAX_ROWS, Math.max(1, this._lines()));
  }

  _lines() {
    const perLine = Math.max(16, Math.floor(this._box.clientWidth / CHARACTER_WIDTH));
    return this._box.value.split("\n").reduce((sum, line) => sum + 1 + Math.floor(line.length / perLine), 0);
  }
}
