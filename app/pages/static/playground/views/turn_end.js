// The end of a turn in words, for screen readers.

import { WORDS } from "../words.js";
import { plainText } from "./markdown.js";

export function endText(turn) {
  if (turn.end === "error") return WORDS.turns.failedWith(turn.error.message);
  return turn.end === "interrupted" ? WORDS.turns.stopped : WORDS.turns.ended(plainText(turn.text));
}
