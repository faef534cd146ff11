// Puts the words of words.js in the place of those in index.html: before the first paint, where the browser can wait.

import { LANGUAGE, PAGE } from "./words.js";

const ATTRIBUTES = ["alt", "aria-label", "placeholder", "title"];

document.documentElement.lang = LANGUAGE;

const nodes = document.createTreeWalker(document, NodeFilter.SHOW_TEXT);
while (nodes.nextNode()) translate(nodes.currentNode, "data");
for (const name of ATTRIBUTES) {
  for (const element of document.querySelectorAll(`[${name}]`)) translate(element.getAttributeNode(name), "value");
}

/** Translate what `node` has as its `field`, and leave the space around it as it is. */
function translate(node, field) {
  const text = node[field].trim();
  const word = Object.hasOwn(PAGE, text) ? PAGE[text] : text;
  if (word !== text) node[field] = node[field].replace(text, () => word);
}
