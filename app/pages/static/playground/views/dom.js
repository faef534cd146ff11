// Makes and changes elements without HTML in strings.

const COPIED_MS = 1200; // how long a copy button confirms
const SVG = "http://www.w3.org/2000/svg";

/** A new element. `props` sets properties; `on*` adds listeners; names that are no property become attributes. */
export function el(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null) continue;
    if (name === "className") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && name !== "list" && name !== "form") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** One of the icons in index.html, copied: a `use` would have twice the elements. Screen readers skip it: the text beside it says the same. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const symbol = document.getElementById(`icon-${name}`);
  svg.setAttribute("viewBox", symbol.getAttribute("viewBox"));
  for (const shape of symbol.children) svg.append(shape.cloneNode());
  return svg;
}

/** A button with an icon only; `label` is its accessible name. */
export function iconButton(name, label, onclick, className = "quiet") {
  return el("button", { type: "button", className: `icon-button ${className}`, "aria-label": label, title: label, onclick }, icon(name));
}

/** A heading for screen readers only. */
export function hiddenHeading(text) {
  return el("h3", { className: "unseen" }, text);
}

/** A button that copies what `text()` returns. Null where the browser has no clipboard for the page (no https). */
export function copyButton(label, text, className = "quiet") {
  if (!navigator.clipboard) return null;
  const button = iconButton("copy", label, async () => {
    await navigator.clipboard.writeText(text());
    const copyIcon = button.firstChild;
    button.replaceChildren(icon("check"));
    setTimeout(() => button.replaceChildren(copyIcon), COPIED_MS);
  }, className);
  return button;
}

/** Make these the children of `parent`, in this order. Those in place already are not touched. */
export function setChildren(parent, children) {
  const wanted = new Set(children);
  for (const child of [...parent.childNodes]) if (!wanted.has(child)) child.remove();
  children.forEach((child, index) => {
    const current = parent.childNodes[index] ?? null;
    if (current !== child) parent.insertBefore(child, current);
  });
}

/** Set the text only if it differs: screen readers would read it again. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Indented JSON; strings as they are. */
export function prettyJson(value) {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

/** The time of day in the user's locale. */
export function timeOfDay(date) {
  return date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}
