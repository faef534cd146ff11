// Keeps the end of the conversation in view while the user is near it, and tells when the user is near its beginning.

const NEAR_END = 80; // pixels
const NEAR_START = 600;

export class Scroller {
  /** `nearStart()` is called while the user scrolls near the beginning. */
  constructor(root, nearStart) {
    this._root = root;
    this._follows = true; // whether the user was near the end before what is loaded now
    root.addEventListener("scroll", () => {
      this._follows = this.isNearEnd;
      if (root.scrollTop < NEAR_START && !this._follows) nearStart();
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

  /** What the user sees stays in its place while `draw()` puts something before it. */
  keepPlace(draw) {
    const { scrollHeight, scrollTop } = this._root;
    draw();
    this._root.scrollTop = scrollTop + this._root.scrollHeight - scrollHeight;
  }

  _pictureLoaded() {
    if (this._follows) this.toEnd();
  }
}
