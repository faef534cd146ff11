// What the page tells a person: read out, or shown above the box.

import { ofRequest } from "./advice.js";
import { arrange, el } from "./dom.js";

const spoken = document.querySelector("#status");
const shown = document.querySelector("#notices");

/** Have it read out. */
export function announce(words) {
  spoken.textContent = words;
}

/** Show that something happened. */
export function notice(words) {
  arrange(shown, [el("p", { className: "notice", role: "status" }, words)]);
}

/** Show why a request was refused, and what to do; `enterKey` leads to the field of the key. */
export function trouble(error, enterKey) {
  const { what, next, needsKey } = ofRequest(error);
  const button = el("button", { type: "button", className: "secondary", onclick: enterKey }, "Enter a key");
  const words = el("div", {}, el("p", { className: "what" }, what), el("p", {}, next));
  arrange(shown, [el("div", { className: "notice failure", role: "alert" }, words, needsKey ? button : "")]);
}

/** Show nothing any more. */
export function calm() {
  shown.replaceChildren();
}
