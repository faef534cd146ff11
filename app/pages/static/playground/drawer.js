// The drawer of raw events: every request and every event as it went over the wire.

import { clock, copyButton, el } from "./dom.js";
import { curl } from "./journal.js";

export class Drawer {
  constructor(root, list, toggle, journal) {
    Object.assign(this, { _root: root, _list: list, _toggle: toggle, _journal: journal });
    this._rows = new WeakMap();
    toggle.addEventListener("click", () => this.toggle());
    root.querySelector("[data-do=close]").addEventListener("click", () => this.toggle(false));
    root.querySelector("[data-do=clear]").addEventListener("click", () => journal.clear());
    journal.addEventListener("add", ({ detail }) => this._add(detail));
    journal.addEventListener("change", ({ detail }) => this._answered(detail));
    journal.addEventListener("clear", () => list.replaceChildren());
  }

  get open() {
    return !this._root.hidden;
  }

  toggle(open = !this.open) {
    this._root.hidden = !open;
    document.body.classList.toggle("with-drawer", open);
    this._toggle.setAttribute("aria-expanded", String(open));
    if (open) this._list.replaceChildren(...this._journal.entries.map((entry) => this._row(entry)));
    (open ? this._list : this._toggle).focus();
    this._list.scrollTop = this._list.scrollHeight;
  }

  _add(entry) {
    if (!this.open) return;
    const atEnd = this._list.scrollHeight - this._list.scrollTop - this._list.clientHeight < 40;
    this._list.append(this._row(entry));
    while (this._list.childElementCount > this._journal.entries.length) this._list.firstChild.remove();
    if (atEnd) this._list.scrollTop = this._list.scrollHeight;
  }

  _answered(entry) {
    const status = this._rows.get(entry)?.querySelector(".status");
    if (status) status.textContent = entry.status;
  }

  _row(entry) {
    const row = el("li", { className: entry.kind === "request" ? "sent" : "heard" }, el("time", {}, clock(entry.at)));
    if (entry.kind === "request") row.append(...requestParts(entry));
    else row.append(el("span", { className: "source" }, entry.source), el("code", {}, wire(entry)));
    this._rows.set(entry, row);
    return row;
  }
}

function requestParts(entry) {
  const path = entry.path.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, (id) => `${id.slice(0, 8)}…`);
  return [
    el("span", { className: "source" }, `${entry.method} ${path} `, el("b", { className: "status" }, String(entry.status))),
    copyButton("Copy as curl", () => curl(entry)) ?? "",
    entry.body ? el("code", {}, JSON.stringify(entry.body)) : "",
  ];
}

function wire({ id, event }) {
  return `${id ? `id: ${id}\n` : ""}data: ${JSON.stringify(event)}`;
}
