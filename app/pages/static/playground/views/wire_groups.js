// Entries of the drawer, grouped: those of a turn together, what comes between two turns together. A turn is shown in the
// dialect that was chosen.

import { DIALECTS } from "../wire/dialects.js";
import { WireLog } from "../wire/wire_log.js";
import { WORDS } from "../words.js";
import { el, setChildren, setText, timeOfDay } from "./dom.js";
import { kindOf, WireRow } from "./wire_rows.js";

const TITLE_LENGTH = 60; // characters

/** The rows of some entries, of which only those of one kind are shown. */
class RowList {
  #rows = new Map(); // by entry
  #kind = "";

  constructor() {
    this.element = el("ol", { className: "rows" });
  }

  get isEmpty() {
    return this.#rows.size === 0;
  }

  get hasShown() {
    return [...this.#rows.values()].some(({ element }) => !element.hidden);
  }

  has(entry) {
    return this.#rows.has(entry);
  }

  add(entry) {
    const row = new WireRow(entry);
    this.#rows.set(entry, row);
    row.element.hidden = this.#isHidden(entry);
    this.element.append(row.element);
  }

  update(entry) {
    this.#rows.get(entry)?.update();
  }

  remove(entry) {
    this.#rows.get(entry)?.element.remove();
    this.#rows.delete(entry);
  }

  filter(kind) {
    this.#kind = kind;
    for (const [entry, { element }] of this.#rows) element.hidden = this.#isHidden(entry);
  }

  #isHidden(entry) {
    return Boolean(this.#kind) && kindOf(entry) !== this.#kind;
  }
}

/** A group of entries. With a `runId` those of a turn. */
export class WireGroup {
  #native = new RowList();
  #shown = this.#native;
  #dialect = "native";
  #kind = "";
  #reading = new AbortController();
  #sessionId;
  #handlers;
  #title;
  #failure = el("p", { className: "hint", role: "status" });
  #body;
  #details;

  /** `handlers`: `read(log, path, origin, signal)` reads the turn in a dialect; `kind(entry)` tells of each of its entries. */
  constructor(entry, handlers) {
    this.runId = entry.runId;
    this.#sessionId = entry.sessionId;
    this.#handlers = handlers;
    this.#title = el("span", { className: "group-title" }, this.runId ? WORDS.events.turn : WORDS.events.betweenTurns);
    const time = el("time", {}, timeOfDay(entry.at));
    this.#body = el("div", {}, this.#native.element);
    this.#details = el("details", { open: true, ontoggle: () => this.#show() }, el("summary", {}, this.#title, time), this.#body);
    this.element = el("li", { className: this.runId ? "group of-turn" : "group" }, this.#details);
  }

  get isEmpty() {
    return this.#native.isEmpty;
  }

  has(entry) {
    return this.#native.has(entry);
  }

  add(entry) {
    this.#native.add(entry);
    const said = this.runId && entry.kind === "request" ? entry.body?.text : "";
    if (said) setText(this.#title, WORDS.quoted(said.length > TITLE_LENGTH ? `${said.slice(0, TITLE_LENGTH)}…` : said));
    this.#hideEmpty();
  }

  update(entry) {
    this.#native.update(entry);
  }

  remove(entry) {
    this.#native.remove(entry);
  }

  /** Show only entries of a kind, '' for all, and the turn in a dialect. */
  filter(kind, dialect) {
    this.#kind = kind;
    this.#native.filter(kind);
    if (this.runId && dialect !== this.#dialect) {
      this.close();
      this.#dialect = dialect;
      this.#shown = dialect === "native" ? this.#native : null;
      setText(this.#failure, "");
    }
    this.#shown?.filter(kind);
    this.#show();
    this.#hideEmpty();
  }

  /** Give up what is still being read. */
  close() {
    this.#reading.abort();
    this.#reading = new AbortController();
  }

  #show() {
    if (!this.#shown && this.#details.open) this.#read();
    setChildren(this.#body, [this.#failure, ...(this.#shown ? [this.#shown.element] : [])]);
  }

  /** Read the turn from the server, as it is in the dialect. */
  async #read() {
    const { signal } = this.#reading;
    const { path } = DIALECTS.find(({ id }) => id === this.#dialect);
    const log = new WireLog();
    const rows = (this.#shown = new RowList());
    rows.filter(this.#kind);
    log.addEventListener("add", ({ detail: entry }) => {
      rows.add(entry);
      this.#handlers.kind(entry);
      this.#hideEmpty();
    });
    log.addEventListener("change", ({ detail: entry }) => rows.update(entry));
    log.addEventListener("drop", ({ detail: entry }) => rows.remove(entry));
    try {
      const address = path(encodeURIComponent(this.#sessionId), encodeURIComponent(this.runId));
      await this.#handlers.read(log, address, { source: this.#dialect, runId: this.runId, sessionId: this.#sessionId }, signal);
    } catch (error) {
      if (!signal.aborted) setText(this.#failure, error.message);
    }
  }

  #hideEmpty() {
    this.element.hidden = Boolean(this.#kind) && this.#shown !== null && !this.#shown.hasShown;
  }
}
