// The button above a long conversation that loads earlier messages; scrolling up does the same.

export class OlderButton {
  /** `actions.load()` resolves to whether messages were loaded; `actions.draw()` draws them. `log` has the conversation. */
  constructor(button, log, actions) {
    this._button = button;
    this._log = log;
    this._actions = actions;
    button.addEventListener("click", () => this.load());
  }

  show(exist) {
    this._button.hidden = !exist;
  }

  async load() {
    const isFocused = document.activeElement === this._button;
    if (!(await this._actions.load())) return;
    this._actions.draw();
    if (isFocused && this._button.hidden) this._log.focus();
  }
}
