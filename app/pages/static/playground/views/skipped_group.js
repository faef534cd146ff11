// Blocks that pass unseen: a fast text moves them out of the window before they are painted. The browser lays them out when
// the reader comes near. Until then they are in the page as all others: for its search, for screen readers, for copying.

const WINDOWS = 2.6; // the one that is seen, and above it what a browser takes for near: Chromium one and a half
const TEXT = { line: 24, width: 100 }; // about: pixels, characters
const CODE_LINE = 22;
const GAP = 13;

/** Whether a browser tells when the reader comes near, and keeps what is read in its place then. */
const CAN_SKIP = "oncontentvisibilityautostatechange" in document.documentElement && CSS.supports("overflow-anchor", "auto");

/** How many of `blocks`, at the end of a text that is followed, are too far up to be seen. */
export function countUnseen(blocks) {
  if (!CAN_SKIP) return 0;
  let count = blocks.length;
  for (let room = WINDOWS * innerHeight; count && room > 0; count--) room -= heightOf(blocks[count - 1]);
  return count;
}

/** Have the group of `blocks` laid out only when the reader comes near, found, selected or focused. */
export function skipLayout(group, blocks) {
  for (const block of blocks) block.isSkipped = true;
  group.style.contentVisibility = "auto";
  group.style.containIntrinsicHeight = `${blocks.reduce((sum, block) => sum + heightOf(block), 0)}px`;
  group.addEventListener("contentvisibilityautostatechange", ({ skipped }) => skipped || group.removeAttribute("style"));
}

/** The height of a block in pixels, guessed: measuring would lay it out. */
function heightOf({ raw, token }) {
  const lines = raw.split("\n");
  if (token.type === "code") return GAP + CODE_LINE * lines.length;
  return lines.reduce((sum, { length }) => sum + TEXT.line * Math.ceil(length / TEXT.width || 1), GAP);
}
