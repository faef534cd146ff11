// Keeps the end of the conversation in view while the user is near it.

const NEAR_END = 80; // pixels

export class Scroller {
  constructor(root) {
    this._root = root;
  }

  get isNearEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this._root;
    return scrollHeight - scrollTop - clientHeight < NEAR_END;
  }

  toEnd() {
    this._root.scrollTop = this._root.scrollHeight;
  }
}
