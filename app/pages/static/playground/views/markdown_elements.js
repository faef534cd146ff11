// Makes elements of the tokens of Markdown, one by one, which takes a quarter of the time of HTML that is parsed and cleaned:
// a text can become nothing but what is made here.

import { WORDS } from "../words.js";
import { CodeBlock } from "./code_block.js";
import { el } from "./dom.js";

const ALLOWED_URL = /^(?:https?|mailto):/i;

const SIMPLE = { blockquote: "blockquote", br: "br", del: "del", em: "em", hr: "hr", paragraph: "p", strong: "strong" };
const MADE = {
  checkbox: ({ checked }) => [el("input", { type: "checkbox", checked, disabled: true }), " "],
  code: ({ lang, text }, codes) => {
    codes.push(new CodeBlock(lang ?? ""));
    codes.at(-1).show(text);
    return [codes.at(-1).element];
  },
  codespan: ({ text }) => [filled("code", [text])],
  def: () => [],
  escape: ({ text }) => [text],
  heading: ({ depth, tokens }, codes) => [filled(`h${depth}`, nodesOf(tokens, codes))],
  link: ({ href, title, text, tokens, autolink }, codes) => linked(href, title, autolink ? [text] : nodesOf(tokens, codes)),
  list: ({ ordered, start, items }, codes) => {
    const entries = items.map(({ tokens }) => filled("li", nodesOf(tokens, codes)));
    return [filled(ordered ? "ol" : "ul", entries, { start: ordered && start !== 1 ? start : null })];
  },
  space: () => [],
  table: ({ header, rows }, codes) => {
    const row = (tag, cells) => filled("tr", cells.map(({ align, tokens }) => filled(tag, nodesOf(tokens, codes), { align })));
    const body = rows.length ? [filled("tbody", rows.map((cells) => row("td", cells)))] : [];
    return [scrolling(filled("table", [filled("thead", [row("th", header)]), ...body]))];
  },
  text: ({ text, tokens }, codes) => (tokens ? nodesOf(tokens, codes) : [text]),
};

/** The nodes of tokens without HTML and images: elements and strings. Blocks of code among them are added to `codes`. */
export function nodesOf(tokens, codes) {
  return tokens.flatMap((token) => {
    const tag = SIMPLE[token.type];
    return tag ? [filled(tag, nodesOf(token.tokens ?? [], codes))] : MADE[token.type](token, codes);
  });
}

/** A box for a table, which scrolls, also by keyboard. */
export function scrolling(...children) {
  return el("div", { className: "scrolling", tabIndex: 0, role: "group", "aria-label": WORDS.turns.table }, ...children);
}

/** A link that opens beside the page. One to an address that is not allowed leads nowhere; half of a character makes none. */
function linked(href, title, children) {
  let address = "";
  try {
    address = encodeURI(href).replaceAll("%25", "%");
  } catch {
    return children;
  }
  const props = { href: ALLOWED_URL.test(address) ? address : null, title, target: "_blank", rel: "noopener noreferrer" };
  return [filled("a", children, props)];
}

/** An element with children, of which there may be more than a function may have arguments. */
function filled(tag, children, props) {
  const element = props ? el(tag, props) : document.createElement(tag);
  for (const child of children) element.append(child);
  return element;
}
