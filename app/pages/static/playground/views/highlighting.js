// Colours for code. The library is loaded with the first code that needs it.

import { el } from "./dom.js";

const MAX_LENGTH = 50_000; // UTF-16 units: longer code stays as it is, because its colours would hold up the page
const TAG = /<span class="([^"]*)">|<\/span>/; // the library writes no other
const CLASS = /^hljs-([\w-]+)[\w -]*$/;
const COLOURLESS = new Set([ // kinds without a rule in code.css: they need no elements
  "built_in", "char", "class", "code", "formula", "function", "operator", "params", "property", "punctuation",
  "selector-class", "selector-id", "selector-pseudo", "subst", "template-tag", "type",
]);
const CHARACTERS = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#x27;": "'" };

let library = null;

/** Load the library: a promise, null if it is there. */
export function loadHighlighter() {
  return library ? null : import("../vendor/highlight.min.js").then((module) => (library = module.default));
}

/** The code as nodes, its parts in elements of the classes `hljs-*`. Null where the language is unknown, or the code long. */
export function highlight(code, language) {
  if (code.length > MAX_LENGTH || !library.getLanguage(language)) return null;
  return nodesOf(library.highlight(code, { language, ignoreIllegals: true }).value);
}

/** The nodes of the library's HTML, which is so simple that a parser and a cleaner take four times as long. */
function nodesOf(html) {
  const open = [[]]; // the children of the elements that have not ended, the outermost first
  const classes = [];
  const [first, ...rest] = html.split(TAG); // texts, and between them the class of a tag, undefined of an end
  const add = (text) => text && open.at(-1).push(text.replace(/&[^;]+;/g, (name) => CHARACTERS[name] ?? name));
  add(first);
  for (let index = 0; index < rest.length; index += 2) {
    if (rest[index] !== undefined) {
      classes.push(rest[index]);
      open.push([]);
    } else if (classes.length) {
      const [children, className] = [open.pop(), classes.pop()];
      const kind = CLASS.exec(className)?.[1];
      const isPlain = !kind || COLOURLESS.has(kind);
      open.at(-1).push(...(isPlain ? children : [el("span", { className }, ...children)]));
    }
    add(rest[index + 1]);
  }
  return open[0];
}
