// Tells the user something: read out by screen readers, or shown above the message box.

import { WORDS } from "../words.js";
import { el, setChildren, setText } from "./dom.js";
import { requestErrorHelp } from "./error_help.js";

const liveRegion = document.querySelector("#status");
const notReady = document.querySelector("#not-ready");
const area = document.querySelector("#notices");

/** Have screen readers read `text`. */
export function announce(text) {
  liveRegion.textContent = text;
}

/** Show that something happened. */
export function showNotice(text) {
  setChildren(area, [el("p", { className: "notice", role: "status" }, text)]);
}

/** Show why a request failed and what to do. `enterKey()` leads to the field for the API key. */
export function showError(error, enterKey) {
  const { what, next, needsKey } = requestErrorHelp(error);
  const button = el("button", { type: "button", className: "secondary", onclick: enterKey }, WORDS.settings.enterKey);
  const text = el("div", {}, el("p", { className: "what" }, what), el("p", {}, next));
  setChildren(area, [el("div", { className: "notice failure", role: "alert" }, text, needsKey ? button : "")]);
}

/** Show why the backend is not ready; '' hides that. */
export function showReadiness(reason) {
  setText(notReady, reason && WORDS.notices.notReady(reason));
  notReady.hidden = !reason;
}

export function clearNotices() {
  area.replaceChildren();
}
