// Renders a model's Markdown as elements, block by block. Its text is not trusted: no scripts, styles or forms; no images
// either, because loading one tells another server that the user reads this.

import { Lexer, Marked } from "../vendor/marked.esm.js";
import DOMPurify from "../vendor/purify.es.mjs";
import { CodeBlock } from "./code_block.js";
import { nodesOf, scrolling } from "./markdown_elements.js";

const marked = new Marked({ gfm: true, breaks: true, walkTokens: replaceImage });

const NAMED_CHARACTER = /&(?:#\d{1,7}|#x[\da-f]{1,6}|\w+);/i; // such as "&copy;": the browser knows their names
const MAX_SPOKEN = 5_000; // UTF-16 units of Markdown: five minutes

const APART = new Set(["LI", "P", "PRE", "TD", "TH"]);

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

const CODE_CLASS = /^language-[\w+#-]+$/; // that marked gives to code; a text cannot name any other

DOMPurify.addHook("uponSanitizeAttribute", ({ tagName }, attribute) => {
  if (attribute.attrName === "class") attribute.keepAttr = tagName === "CODE" && CODE_CLASS.test(attribute.attrValue);
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
  for (const block of blocks) Object.assign(block, rendered(block.token));
}

function rendered(token) {
  if (!prepare(token)) return finished(DOMPurify.sanitize(marked.parser([token]), ALLOWED));
  const codes = [];
  const nodes = nodesOf([token], codes).map((node) => (typeof node === "string" ? new Text(node) : node));
  return { nodes, codes };
}

/** Make a token ready. Whether it needs no parser of HTML. */
function prepare(token) {
  let isPlain = true;
  marked.walkTokens([token], (one) => {
    replaceImage(one);
    const { type, text, tokens, href, title } = one;
    const isLiteral = tokens || type === "code" || type === "codespan";
    isPlain &&= type !== "html" && ![isLiteral ? "" : text, href, title].some((part) => part && NAMED_CHARACTER.test(part));
  });
  return isPlain;
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
  for (const table of root.querySelectorAll("table")) {
    const box = scrolling();
    table.replaceWith(box);
    box.append(table);
  }
  const codes = [...root.querySelectorAll("pre")].map(replaceCode);
  return { nodes: [...root.childNodes].filter((node) => node.nodeType !== Node.TEXT_NODE || node.data.trim()), codes };
}

/** The words of a text, to be read out; of a very long one its beginning. */
export function plainText(text) {
  const blocks = blocksOf(text.slice(0, MAX_SPOKEN), Object.create(null));
  renderBlocks(blocks);
  return blocks.flatMap(({ nodes }) => nodes.map(wordsIn)).join("\n").trim();
}

/** The words of a node, those of blocks apart. */
function wordsIn(node) {
  if (node.nodeType === Node.TEXT_NODE) return node.data;
  const words = [...node.childNodes].map(wordsIn).join("");
  return APART.has(node.tagName) ? `${words}\n` : words;
}

/** Show a link to an image instead of the image. */
function replaceImage(token) {
  if (token.type === "image") Object.assign(token, { type: "link", tokens: [{ type: "text", text: token.text || token.href }] });
}

/** Code inside of HTML. */
function replaceCode(block) {
  const code = new CodeBlock(block.querySelector("code")?.className.replace("language-", "") ?? "");
  code.show(block.textContent.replace(/\n$/, ""));
  block.replaceWith(code.element);
  return code;
}
