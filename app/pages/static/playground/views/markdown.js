// Renders a model's Markdown as elements. Its text is not trusted: no scripts, styles or forms; no images either, because
// loading one tells another server that the user reads this.

import { Marked } from "../vendor/marked.esm.js";
import DOMPurify from "../vendor/purify.es.mjs";
import { copyButton, el } from "./dom.js";

const MESSAGE_LEVEL = 3; // of the heading of a message

const marked = new Marked({ gfm: true, breaks: true, walkTokens });

/** Replace an image by a link to it. */
function walkTokens(token) {
  if (token.type === "image") Object.assign(token, { type: "link", tokens: [{ type: "text", text: token.text || token.href }] });
}

const ALLOWED = {
  ALLOWED_TAGS: [
    "a", "b", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "input", "kbd",
    "li", "ol", "p", "pre", "strong", "sub", "sup", "table", "tbody", "td", "th", "thead", "tr", "ul",
  ],
  ALLOWED_ATTR: ["align", "checked", "disabled", "href", "start", "title", "type"],
  ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
  ADD_URI_SAFE_ATTR: ["align", "checked", "disabled", "start", "type"],
  RETURN_DOM_FRAGMENT: true,
};

/** The Markdown as a document fragment. */
export function renderMarkdown(text) {
  const fragment = DOMPurify.sanitize(marked.parse(text), ALLOWED);
  for (const link of fragment.querySelectorAll("a")) {
    link.target = "_blank";
    link.rel = "noopener noreferrer";
  }
  for (const box of fragment.querySelectorAll("input")) {
    if (box.type === "checkbox") box.disabled = true;
    else box.remove();
  }
  placeHeadings(fragment.querySelectorAll("h1, h2, h3, h4, h5, h6"));
  for (const table of fragment.querySelectorAll("table")) wrapScrollable(table, "Table");
  for (const block of fragment.querySelectorAll("pre")) addCopyButton(block);
  return fragment;
}

/** Tell screen readers that the headings of a text are below that of its message. */
function placeHeadings(headings) {
  const level = ({ tagName }) => Number(tagName.slice(1));
  const highest = Math.min(...[...headings].map(level));
  for (const heading of headings) heading.setAttribute("aria-level", String(MESSAGE_LEVEL + 1 + level(heading) - highest));
}

/** Put a wide element into a box that scrolls, also by keyboard. */
function wrapScrollable(element, label) {
  const box = el("div", { className: "scrolling", tabIndex: 0, role: "region", "aria-label": label });
  element.replaceWith(box);
  box.append(element);
  return box;
}

function addCopyButton(block) {
  const text = block.textContent;
  const box = wrapScrollable(block, "Code");
  const outer = el("div", { className: "code" });
  box.replaceWith(outer);
  outer.append(box, copyButton("Copy the code", () => text) ?? "");
}
