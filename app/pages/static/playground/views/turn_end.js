// The end of a turn in words, for screen readers.

import { plainText } from "./markdown.js";

export function endText(turn) {
  if (turn.end === "error") return `The reply failed: ${turn.error.message}`;
  return turn.end === "interrupted" ? "Stopped" : `Reply: ${plainText(turn.text)}`;
}
