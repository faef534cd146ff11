// Colours for code. The library is loaded with the first code that needs it.

import DOMPurify from "../vendor/purify.es.mjs";

const MAX_LENGTH = 50_000; // UTF-16 units: longer code stays as it is, because its colours would hold up the page
const ALLOWED = { ALLOWED_TAGS: ["span"], ALLOWED_ATTR: ["class"], RETURN_DOM_FRAGMENT: true };

/** The code with its parts in elements of the classes `hljs-*`. Null where the language is unknown, or the code long. */
export async function highlight(code, language) {
  if (code.length > MAX_LENGTH) return null;
  const { default: library } = await import("../vendor/highlight.min.js");
  if (!library.getLanguage(language)) return null;
  return DOMPurify.sanitize(library.highlight(code, { language, ignoreIllegals: true }).value, ALLOWED);
}
