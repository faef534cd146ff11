// Reads JSON that the user has written.

import { parseExact } from "../wire/exact_json.js";
import { WORDS } from "../words.js";

/** The JSON object in `text`. Throws a `SyntaxError` whose message says what is wrong, and where; `name` begins it. */
export function objectOf(text, name) {
  const value = parsed(text, name);
  if (value !== null && typeof value === "object" && !Array.isArray(value)) return value;
  throw new SyntaxError(WORDS.userState.mustBeObject(name));
}

function parsed(text, name) {
  try {
    return parseExact(text);
  } catch (error) {
    throw new SyntaxError(WORDS.userState.cannotBeRead(name, error.message));
  }
}
