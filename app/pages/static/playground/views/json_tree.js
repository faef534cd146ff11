// JSON that opens: each object and list shows what is in it when it is asked for.

import { el } from "./dom.js";

/** A value as an element. Of an object or a list the first level `isOpen`. */
export function jsonTree(value, isOpen = true) {
  return el("div", { className: "json" }, node("", value, isOpen));
}

function node(name, value, isOpen) {
  const label = name === "" ? "" : el("span", { className: "json-name" }, `${name}: `);
  const isNested = value !== null && typeof value === "object" && !JSON.isRawJSON?.(value);
  if (!isNested) return el("div", { className: "json-leaf" }, label, leaf(value));
  const entries = Object.entries(value);
  const shape = Array.isArray(value) ? `[${entries.length}]` : `{${entries.length}}`;
  if (!entries.length) return el("div", { className: "json-leaf" }, label, Array.isArray(value) ? "[]" : "{}");
  const children = el("div", { className: "json-children" });
  const fill = () => {
    if (!children.hasChildNodes()) children.append(...entries.map(([key, child]) => node(key, child, false)));
  };
  const summary = el("summary", {}, label, el("span", { className: "json-shape" }, shape));
  const details = el("details", { open: isOpen, ontoggle: () => details.open && fill() }, summary, children);
  if (isOpen) fill();
  return details;
}

function leaf(value) {
  const kind = value === null ? "null" : typeof value === "object" ? "number" : typeof value;
  return el("span", { className: `json-${kind}` }, JSON.stringify(value));
}
