// What the message box and the form of an edit have in common: how long a text may be, and the key that sends it.

import { LANGUAGE, WORDS } from "../words.js";

const MAX_CHARACTERS = 32_000; // of a message, as the API counts them: one beyond 16 bits, such as an emoji, is one
const PROCESSED = 229; // `keyCode` of a key that an input method has used; Safari says so of the Enter that ends a composition

/** What is wrong with the length of a text, '' for nothing. */
export function tooLong(text) {
  if (text.length <= MAX_CHARACTERS) return "";
  const count = [...text.trim()].length;
  if (count <= MAX_CHARACTERS) return "";
  return WORDS.composer.tooLong(count.toLocaleString(LANGUAGE), MAX_CHARACTERS.toLocaleString(LANGUAGE));
}

/** Whether a key belongs to an input method, which composes a character. */
export function isComposing(event) {
  return event.isComposing || event.keyCode === PROCESSED;
}

/** Whether a key sends the text. */
export function isSendKey(event) {
  return event.key === "Enter" && !event.shiftKey && !isComposing(event);
}
