// The drawer "Events": every request and every event, as it went over the wire, by turns; and each turn in other dialects.

import { DIALECTS } from "../wire/dialects.js";
import { WORDS } from "../words.js";
import { el, setChildren } from "./dom.js";
import { WireGroup } from "./wire_groups.js";
import { kindOf } from "./wire_rows.js";

const NEAR_END = 40; // pixels: closer than this, the list follows what is added

export class WireDrawer {
  /** `read(log, path, origin, signal)` reads a turn of another dialect, as `Api.readInto`. */
  constructor(root, list, button, wireLog, read) {
    Object.assign(this, { _root: root, _list: list, _button: button, _wireLog: wireLog });
    this._handlers = { read, kind: (entry) => this._addKind(kindOf(entry)) };
    this._groups = []; // while it is open
    this._kinds = root.querySelector("[data-choose=kind]");
    this._dialects = root.querySelector("[data-choose=dialect]");
    this._dialects.append(...DIALECTS.map(({ id }) => el("option", { value: id }, WORDS.events.dialects[id])));
    for (const choice of [this._kinds, this._dialects]) choice.addEventListener("change", () => this._filter());
    button.addEventListener("click", () => this.toggle());
    root.querySelector("[data-do=close]").addEventListener("click", () => this.toggle(false));
    root.querySelector("[data-do=clear]").addEventListener("click", () => wireLog.clear());
    wireLog.addEventListener("add", ({ detail }) => this._following(() => this._add(detail)));
    wireLog.addEventListener("change", ({ detail }) => this._following(() => this._change(detail)));
    wireLog.addEventListener("drop", ({ detail }) => this._remove(detail));
    wireLog.addEventListener("clear", () => this._removeAll());
  }

  get open() {
    return !this._root.hidden;
  }

  toggle(open = !this.open) {
    this._root.hidden = !open;
    document.body.classList.toggle("with-drawer", open);
    this._button.setAttribute("aria-expanded", String(open));
    this._removeAll();
    if (open) for (const entry of this._wireLog.entries) this._add(entry);
    (open ? this._list : this._button).focus();
    this._list.scrollTop = this._list.scrollHeight;
  }

  /** Change the list, and keep its end in view if it is there. */
  _following(change) {
    if (!this.open) return;
    const isNearEnd = this._list.scrollHeight - this._list.scrollTop - this._list.clientHeight < NEAR_END;
    change();
    if (isNearEnd) this._list.scrollTop = this._list.scrollHeight;
  }

  _add(entry) {
    this._addKind(kindOf(entry));
    this._groupFor(entry).add(entry);
  }

  _change(entry) {
    const group = this._groups.find((one) => one.has(entry));
    if (!group) return;
    if (group.runId === entry.runId) return group.update(entry);
    this._remove(entry); // the response has told its turn
    this._add(entry);
  }

  _remove(entry) {
    const group = this._groups.find((one) => one.has(entry));
    group?.remove(entry);
    if (!group?.isEmpty) return;
    group.close();
    group.element.remove();
    this._groups = this._groups.filter((one) => one !== group);
  }

  _removeAll() {
    for (const group of this._groups) group.close();
    this._groups = [];
    this._list.replaceChildren();
  }

  /** The group of the entry's turn; for one of no turn the last group, if that has none either; else a new group. */
  _groupFor(entry) {
    const { runId } = entry;
    const found = runId ? this._groups.find((one) => one.runId === runId) : this._groups.at(-1);
    if (found && found.runId === runId) return found;
    const group = new WireGroup(entry, this._handlers);
    this._groups.push(group);
    this._list.append(group.element);
    group.filter(this._kinds.value, this._dialects.value);
    return group;
  }

  _filter() {
    for (const group of this._groups) group.filter(this._kinds.value, this._dialects.value);
  }

  /** Offer a kind to filter by, once it has been seen. */
  _addKind(kind) {
    const [all, ...others] = this._kinds.options;
    if (others.some(({ value }) => value === kind)) return;
    const added = el("option", { value: kind }, kind === "request" ? WORDS.events.requests : kind);
    const sorted = [...others, added].sort((one, other) => (one.value < other.value ? -1 : 1));
    setChildren(this._kinds, [all, ...sorted]);
  }
}
