// The button that leads to the end of a conversation while the user reads further up.

export class JumpButton {
  /** `root` is what scrolls, `scroller` knows where its end is; `leave()` moves the focus once the button is hidden. */
  constructor(button, root, scroller, leave) {
    this._button = button;
    this._scroller = scroller;
    root.addEventListener("scroll", () => this.update());
    button.addEventListener("click", () => {
      scroller.toEnd();
      this.update();
      leave();
    });
  }

  update() {
    this._button.hidden = this._scroller.isNearEnd;
  }
}
