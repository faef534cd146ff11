// Keeps the end of the conversation in view while the user is near it.

const NEAR_END = 80; // pixels

export class Scroller {
  constructor(root) {
    this._root = root;
    this._follows = true; // whether the user was near the end before what is loaded now
    root.addEventListener("scroll", () => {
      this._follows = this.isNearEnd;
    });
    root.addEventListener("load", () => this._pictureLoaded(), true); // such events do not bubble
  }

  get isNearEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this._root;
    return scrollHeight - scrollTop - clientHeight < NEAR_END;
  }

  toEnd() {
    this._root.scrollTop = this._root.scrollHeight;
  }

  _pictureLoaded() {
    if (this._follows) this.toEnd();
  }
}
