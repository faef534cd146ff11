// The threads of the open conversation, below its title in the list.

import { WORDS } from "../words.js";
import { el, iconButton } from "./dom.js";

/**
 * The list, null where there is only one thread. `shown` is the id of the one that is open; `actions.openThread(id)`
 * and `actions.removeThread(id, title)`.
 */
export function threadList(threads, shown, actions) {
  if (threads.length < 2) return null;
  const items = threads.map((thread, index) => item(thread, thread.title || WORDS.list.thread(index + 1), shown, actions));
  return el("ul", { className: "threads", "aria-label": WORDS.list.threads }, ...items);
}

function item({ id, status }, title, shown, actions) {
  const open = el("button", { type: "button", className: "thread-title", title, onclick: () => actions.openThread(id) }, title);
  if (id === shown) open.setAttribute("aria-current", "true");
  if (status === "processing") {
    open.dataset.mark = "running";
    open.setAttribute("aria-description", WORDS.list.marks.running);
  }
  return el("li", { "data-thread": id }, open, iconButton("trash", WORDS.list.deleteThread(title), () => actions.removeThread(id, title)));
}
