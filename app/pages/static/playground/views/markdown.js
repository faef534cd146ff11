// Renders a model's Markdown as elements, block by block. Its text is not trusted: no scripts, styles or forms; no images
// either, because loading one tells another server that the user reads this.

import { Lexer, Marked } from "../vendor/marked.esm.js";
import DOMPurify from "../vendor/purify.es.mjs";
import { WORDS } from "../words.js";
import { CodeBlock } from "./code_block.js";
import { el } from "./dom.js";

const marked = new Marked({ gfm: true, breaks: true, walkTokens: replaceImage });

const MAX_SPOKEN = 10_000; // UTF-16 units of Markdown

const ALLOWED = {
  ALLOWED_TAGS: [
    "a", "b", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "input", "kbd",
    "li", "ol", "p", "pre", "strong", "sub", "sup", "table", "tbody", "td", "th", "thead", "tr", "ul",
  ],
  ALLOWED_ATTR: ["align", "checked", "class", "disabled", "href", "start", "title", "type"],
  ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
  ADD_URI_SAFE_ATTR: ["align", "checked", "disabled", "start", "type"],
  RETURN_DOM_FRAGMENT: true,
};

/** Classes of elements that marked and the highlighter make, `node` by `node`; a text cannot name any other. */
const CLASSES = { CODE: /^language-[\w+#-]+$/, SPAN: /^hljs-[\w -]+$/ };

DOMPurify.addHook("uponSanitizeAttribute", ({ tagName }, attribute) => {
  if (attribute.attrName === "class") attribute.keepAttr = Boolean(CLASSES[tagName]?.test(attribute.attrValue));
});

/**
 * The blocks of a text, such as paragraphs, lists and tables: {raw, length, token}. `raw` tells whether a block is the same
 * as before; `length` is in UTF-16 units, with the blank lines behind it, and all of them add up to the text. `links` are
 * the targets of reference links; those that the text defines are added.
 */
export function blocksOf(text, links) {
  const lexer = new Lexer(marked.defaults);
  lexer.tokens.links = links;
  const blocks = [];
  for (const token of lexer.lex(text)) {
    if (token.type === "space" && blocks.length) blocks.at(-1).length += token.raw.length;
    else blocks.push({ raw: token.raw.trimEnd(), length: token.raw.length, token });
  }
  return blocks;
}

/** Give blocks their `nodes`, and as `codes` the blocks of code in these, which have no colours yet. */
export function renderBlocks(blocks) {
  const texts = blocks.filter(({ token }) => token.type !== "code");
  const plain = texts.filter(({ token }) => !prepare(token));
  const apart = plain.length > 1 ? sanitizedTogether(plain) : new Map();
  for (const block of blocks) {
    if (block.token.type === "code") {
      const code = codeBlock(block.token.lang ?? "", block.token.text);
      Object.assign(block, { nodes: [code.element], codes: [code] });
    } else Object.assign(block, finished(apart.get(block) ?? sanitized(marked.parser([block.token]))));
  }
}

/** Make a token ready for the parser. Whether it has HTML in it. */
function prepare(token) {
  let hasHtml = false;
  marked.walkTokens([token], (one) => {
    replaceImage(one);
    hasHtml ||= one.type === "html";
  });
  return hasHtml;
}

/** The elements of several blocks, by block: cleaning them together takes half the time. */
function sanitizedTogether(blocks) {
  const html = blocks.map(({ token }) => `<section>${marked.parser([token])}</section>`).join("");
  const { children } = sanitized(html, { ADD_TAGS: ["section"] });
  return new Map(blocks.map((block, index) => [block, children[index]]));
}

function sanitized(html, more = {}) {
  return DOMPurify.sanitize(html, { ...ALLOWED, ...more });
}

function finished(root) {
  for (const link of root.querySelectorAll("a")) {
    link.target = "_blank";
    link.rel = "noopener noreferrer";
  }
  for (const box of root.querySelectorAll("input")) {
    if (box.type === "checkbox") box.disabled = true;
    else box.remove();
  }
  for (const table of root.querySelectorAll("table")) wrapTable(table);
  const codes = [...root.querySelectorAll("pre")].map(replaceCode);
  return { nodes: [...root.childNodes].filter((node) => node.nodeType !== Node.TEXT_NODE || node.data.trim()), codes };
}

/** The words of a text, to be read out; of a very long one its beginning. */
export function plainText(text) {
  return sanitized(marked.parse(text.slice(0, MAX_SPOKEN))).textContent.trim();
}

/** Show a link to an image instead of the image. */
function replaceImage(token) {
  if (token.type === "image") Object.assign(token, { type: "link", tokens: [{ type: "text", text: token.text || token.href }] });
}

/** Put a table into a box that scrolls, also by keyboard. */
function wrapTable(table) {
  const box = el("div", { className: "scrolling", tabIndex: 0, role: "group", "aria-label": WORDS.turns.table });
  table.replaceWith(box);
  box.append(table);
}

/** Code inside of another block, such as a list. */
function replaceCode(block) {
  const language = block.querySelector("code")?.className.replace("language-", "") ?? "";
  const code = codeBlock(language, block.textContent.replace(/\n$/, ""));
  block.replaceWith(code.element);
  return code;
}

function codeBlock(info, text) {
  const code = new CodeBlock(info);
  code.show(text);
  return code;
}
