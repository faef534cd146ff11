// Making elements without a line of HTML in strings.

const COPIED = 1200; // milliseconds that a button shows that it has copied
const SVG = "http://www.w3.org/2000/svg";

/** An element. Of `props`, `on*` are listeners, `class` and names with a dash or known as attributes are attributes. */
export function el(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && name !== "list" && name !== "form") element[name] = value;
    else element.setAttribute(name === "className" ? "class" : name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** One of the pictures that index.html holds. What it means is said by the words beside it. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** A button that shows a picture and is called `label`. */
export function iconButton(name, label, onclick, className = "quiet") {
  return el("button", { type: "button", className: `icon-button ${className}`, "aria-label": label, title: label, onclick }, icon(name));
}

/** A button that copies what `text()` returns. Null where the browser lets no page copy, as without https. */
export function copyButton(label, text, className = "quiet") {
  if (!navigator.clipboard) return null;
  const button = iconButton("copy", label, async () => {
    await navigator.clipboard.writeText(text());
    const picture = button.firstChild;
    button.replaceChildren(icon("check"));
    setTimeout(() => button.replaceChildren(picture), COPIED);
  }, className);
  return button;
}

/** Make `parent` hold just these children, in this order; those that stay are not touched. */
export function arrange(parent, children) {
  const wanted = new Set(children);
  for (const child of [...parent.childNodes]) if (!wanted.has(child)) child.remove();
  children.forEach((child, at) => {
    if (parent.childNodes[at] !== child) parent.insertBefore(child, parent.childNodes[at] ?? null);
  });
}

/** Set the text where it differs, so that nothing is read out again. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** JSON for people: on lines. */
export function pretty(value) {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

/** A moment as the time of day. */
export function clock(date) {
  return date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}
