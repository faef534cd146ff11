// The panel with the conversations. On a narrow screen it lies over the page and can be closed.

const NARROW = matchMedia("(max-width: 48rem)"); // the same width as in layout.css

export class SidePanel {
  /** `button` opens it; `backdrop` beside it closes it; `main` cannot be used while it is open. */
  constructor({ button, backdrop, main, first }) {
    Object.assign(this, { _button: button, _main: main });
    button.addEventListener("click", () => {
      this.open();
      first.focus();
    });
    backdrop.addEventListener("click", () => this.close());
  }

  get isOpen() {
    return document.body.classList.contains("with-side");
  }

  open() {
    if (NARROW.matches) this._set(true);
  }

  close() {
    this._set(false);
  }

  _set(isOpen) {
    this._main.inert = isOpen;
    document.body.classList.toggle("with-side", isOpen);
    this._button.setAttribute("aria-expanded", String(isOpen));
  }
}
