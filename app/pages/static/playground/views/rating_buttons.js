// Two buttons that rate a reply. The one that is pressed takes its rating back.

import { WORDS } from "../words.js";
import { el, iconButton } from "./dom.js";

const LABELS = WORDS.turns.ratings;

export class RatingButtons {
  /** `rate(rating)` is called with "up" or "down". */
  constructor(rate) {
    this._buttons = Object.entries(LABELS).map(([rating, label]) => iconButton(`thumb-${rating}`, label, () => rate(rating)));
    this.element = el("div", { className: "ratings", role: "group", "aria-label": WORDS.turns.rate }, ...this._buttons);
  }

  /** `rating` is "up", "down" or "". */
  update(rating) {
    Object.keys(LABELS).forEach((name, index) => {
      this._buttons[index].setAttribute("aria-pressed", String(name === rating));
    });
  }
}
