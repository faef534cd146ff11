// JSON whose whole numbers stay as they are written: amounts in wei have more digits than a JavaScript number.

const LONG_NUMBER = /\d{16}/; // digits of the smallest whole number that is unsafe

/** As JSON.parse. A whole number that is no safe integer becomes a raw value, which JSON.stringify writes unchanged. */
export function parseExact(text) {
  if (!LONG_NUMBER.test(text)) return JSON.parse(text); // several times as fast
  return JSON.parse(text, (_, value, context) => (isUnsafe(value, context) ? JSON.rawJSON(context.source) : value));
}

/** False where the browser keeps no digits (before Chrome 114, Firefox 135 and Safari 18.4), too. */
function isUnsafe(value, context) {
  const isInexact = typeof value === "number" && !Number.isSafeInteger(value);
  return isInexact && Boolean(JSON.rawJSON) && /^-?\d+$/.test(context?.source ?? "");
}
