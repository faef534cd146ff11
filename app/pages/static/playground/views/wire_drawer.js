// The drawer "Events": every request and every event, as it went over the wire.

import { curlCommand } from "../wire/wire_log.js";
import { copyButton, el, timeOfDay } from "./dom.js";

const NEAR_END = 40; // pixels: closer than this, the list follows what is added

export class WireDrawer {
  constructor(root, list, button, wireLog) {
    Object.assign(this, { _root: root, _list: list, _button: button, _wireLog: wireLog });
    this._rows = new WeakMap(); // by entry
    button.addEventListener("click", () => this.toggle());
    root.querySelector("[data-do=close]").addEventListener("click", () => this.toggle(false));
    root.querySelector("[data-do=clear]").addEventListener("click", () => wireLog.clear());
    wireLog.addEventListener("add", ({ detail }) => this._add(detail));
    wireLog.addEventListener("change", ({ detail }) => this._updateStatus(detail));
    wireLog.addEventListener("clear", () => list.replaceChildren());
  }

  get open() {
    return !this._root.hidden;
  }

  toggle(open = !this.open) {
    this._root.hidden = !open;
    document.body.classList.toggle("with-drawer", open);
    this._button.setAttribute("aria-expanded", String(open));
    if (open) this._list.replaceChildren(...this._wireLog.entries.map((entry) => this._row(entry)));
    (open ? this._list : this._button).focus();
    this._list.scrollTop = this._list.scrollHeight;
  }

  _add(entry) {
    if (!this.open) return;
    const isNearEnd = this._list.scrollHeight - this._list.scrollTop - this._list.clientHeight < NEAR_END;
    this._list.append(this._row(entry));
    while (this._list.childElementCount > this._wireLog.entries.length) this._list.firstChild.remove();
    if (isNearEnd) this._list.scrollTop = this._list.scrollHeight;
  }

  _updateStatus(entry) {
    const status = this._rows.get(entry)?.querySelector(".status");
    if (status) status.textContent = entry.status;
  }

  _row(entry) {
    const isRequest = entry.kind === "request";
    const row = el("li", { className: isRequest ? "sent" : "received" }, el("time", {}, timeOfDay(entry.at)));
    if (isRequest) row.append(...requestParts(entry));
    else row.append(el("span", { className: "source" }, entry.source), el("code", {}, frameText(entry)));
    this._rows.set(entry, row);
    return row;
  }
}

function requestParts(entry) {
  const path = entry.path.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, (id) => `${id.slice(0, 8)}…`);
  return [
    el("span", { className: "source" }, `${entry.method} ${path} `, el("b", { className: "status" }, String(entry.status))),
    copyButton("Copy as curl", () => curlCommand(entry)) ?? "",
    entry.body || entry.fileName ? el("code", {}, entry.fileName || JSON.stringify(entry.body)) : "",
  ];
}

function frameText({ id, event }) {
  return `${id ? `id: ${id}\n` : ""}data: ${JSON.stringify(event)}`;
}
