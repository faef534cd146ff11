// A Markdown text that grows while it streams. A block that has ended is rendered once: only the last blocks, which what
// follows may still change, are looked at again. Blocks are in groups, each laid out and painted for itself: a drawing costs
// as much at the end of a long text as at its beginning.

import { el } from "./dom.js";
import { blocksOf, renderBlocks } from "./markdown.js";
import { countUnseen, skipLayout } from "./skipped_group.js";

const GROUP = 8; // blocks
const OPEN_BLOCKS = 2; // the end of a list, for one, shows with what follows
const HEADINGS = "h1, h2, h3, h4, h5, h6";
const LOWEST = 6; // level of a heading
const MESSAGE_LEVEL = 3; // of the heading of a message

export class MarkdownView {
  #element;
  #text = "";
  #source = ""; // the text, with line ends as Markdown counts them
  #isGrowing = true;
  #blocks = []; // as blocksOf() has them, with what renderBlocks() made of them
  #links = Object.create(null); // targets of links, of the blocks that have settled
  #hasLinks = false; // whether any drawing has found a target, also one inside of a list or a quotation
  #highest = LOWEST; // level of the headings so far
  #settled = { count: 0, length: 0 }; // of the blocks that nothing changes any more
  #last = null; // the element behind which the text grows

  /** The text is shown in `element`. */
  constructor(element) {
    this.#element = element;
  }

  /** Show a text. `isGrowing`: more may follow it; `isFollowed`: its end is in view, and is so again after this drawing. */
  show(text, { isGrowing = false, isFollowed = false } = {}) {
    if (text === this.#text && isGrowing === this.#isGrowing) return;
    const source = text.includes("\r") ? text.replaceAll("\r\n", "\n").replaceAll("\r", "\n") : text;
    if (!source.startsWith(this.#source)) this.#drop(0);
    if (!this.#blocks.length) this.#unsettle();
    [this.#text, this.#source, this.#isGrowing] = [text, source, isGrowing];
    this.#draw(isGrowing && isFollowed);
  }

  #draw(canSkip) {
    const { count, length } = this.#settled;
    const links = Object.assign(Object.create(null), this.#links);
    const blocks = blocksOf(this.#source.slice(length), links);
    this.#hasLinks ||= Object.keys(links).length > 0;
    if (!this.#isGrowing && count && this.#hasLinks) {
      this.#drop(0); // blocks that were drawn before may have these links
      this.#unsettle();
      return this.#draw(false);
    }
    const shown = this.#blocks.slice(count);
    const changed = blocks.findIndex(({ raw }, index) => raw !== shown[index]?.raw);
    if (changed < 0) this.#drop(count + blocks.length);
    else this.#replace(count + changed, blocks.slice(changed), canSkip);
    if (!this.#isGrowing) this.#placeAllHeadings(); // while it grew, "#" was the beginning of "##"
    this.#settle(blocks);
    this.#placeCaret();
  }

  /** Show `fresh` blocks in the place of those from the one at `index` on. `canSkip`: those too far up to be seen need no layout. */
  #replace(index, fresh, canSkip) {
    const isTakenOver = takeOver(this.#blocks[index], fresh[0]);
    this.#drop(isTakenOver ? index + 1 : index);
    this.#blocks.length = index;
    const made = isTakenOver ? fresh.slice(1) : fresh;
    renderBlocks(made);
    this.#blocks.push(...fresh);
    const first = this.#blocks.length - made.length;
    this.#append(first);
    if (canSkip) this.#skipBetween(first, first + countUnseen(made));
    this.#placeHeadings(made.flatMap(({ nodes }) => nodes.flatMap(headingsIn)));
  }

  /** Put the blocks from the one at `index` on behind those before it, in their groups. */
  #append(index) {
    for (let at = index, end; at < this.#blocks.length; at = end) {
      const place = Math.floor(at / GROUP);
      end = (place + 1) * GROUP;
      const group = this.#element.children[place] ?? this.#element.appendChild(el("div", { className: "blocks" }));
      group.append(...this.#blocks.slice(at, end).flatMap(({ nodes }) => nodes));
    }
  }

  /** Skip the layout of the groups that are whole between two indices of blocks. */
  #skipBetween(first, end) {
    for (let place = Math.ceil(first / GROUP), next; (next = (place + 1) * GROUP) <= end; place++) {
      skipLayout(this.#element.children[place], this.#blocks.slice(place * GROUP, next));
    }
  }

  /** Tell screen readers that the headings of a text are below that of its message. */
  #placeHeadings(fresh) {
    const highest = Math.min(this.#highest, ...fresh.map(levelOf));
    if (highest < this.#highest) return this.#placeAllHeadings();
    for (const heading of fresh) heading.setAttribute("aria-level", String(MESSAGE_LEVEL + 1 + levelOf(heading) - highest));
  }

  #placeAllHeadings() {
    const all = [...this.#element.querySelectorAll(HEADINGS)];
    this.#highest = Math.min(LOWEST, ...all.map(levelOf));
    this.#placeHeadings(all);
  }

  /** The next drawing looks at the whole text. */
  #unsettle() {
    this.#settled = { count: 0, length: 0 };
    [this.#links, this.#hasLinks] = [Object.create(null), false];
  }

  #drop(index) {
    for (const { nodes } of this.#blocks.slice(index)) for (const node of nodes) node.remove();
    this.#blocks.length = Math.min(this.#blocks.length, index);
    while (this.#element.children.length > Math.ceil(this.#blocks.length / GROUP)) this.#element.lastChild.remove();
  }

  #settle(blocks) {
    const { count, length } = this.#settled;
    const ended = this.#blocks.slice(count, this.#isGrowing ? -1 : undefined);
    for (const { codes, isSkipped } of ended) {
      for (const code of codes) code.colour({ isSeen: this.#isGrowing && count > 0 && !isSkipped });
    }
    const settled = blocks.slice(0, -OPEN_BLOCKS);
    for (const { token } of settled) if (token.type === "def") this.#links[token.tag] ??= token;
    this.#settled = { count: count + settled.length, length: settled.reduce((sum, block) => sum + block.length, length) };
  }

  /** Mark the element behind which the text grows: a rule for the last child would have the whole text styled again. */
  #placeCaret() {
    const last = this.#isGrowing ? (this.#element.lastChild?.lastElementChild ?? null) : null;
    if (last === this.#last) return;
    this.#last?.removeAttribute("data-caret");
    last?.setAttribute("data-caret", "");
    this.#last = last;
  }
}

/**
 * Show a block in the nodes of the one that it replaces, if it is the same one, grown: a code keeps what is selected, a
 * table its place sideways. Whether that was done.
 */
function takeOver(before, block) {
  const { type } = block.token;
  if (before?.token.type !== type) return false;
  if (type === "code" && before.token.lang === block.token.lang) before.codes[0].show(block.token.text);
  else if (type === "table") replaceTable(before, block);
  else return false;
  Object.assign(block, { nodes: before.nodes, codes: before.codes });
  return true;
}

function replaceTable(before, block) {
  renderBlocks([block]);
  before.nodes[0].replaceChildren(...block.nodes[0].childNodes);
}

function headingsIn(node) {
  return node.matches?.(HEADINGS) ? [node] : [...(node.querySelectorAll?.(HEADINGS) ?? [])];
}

function levelOf({ tagName }) {
  return Number(tagName.slice(1));
}
