// The list of conversations. Each one is a session, created under a public key that only this browser knows.

import { WORDS } from "../words.js";
import { el, icon, iconButton, setChildren } from "./dom.js";
import { threadList } from "./thread_list.js";

export class Sidebar {
  /** `search` says which ones are shown; `actions` as in ListCommands. */
  constructor(root, archivedRoot, search, actions) {
    this._root = root;
    this._archived = archivedRoot;
    this._search = search;
    this._actions = actions;
    this._sessions = [];
    this._current = ""; // the id of the open session
    this._threads = null; // of the open session
    this._renaming = ""; // the id of the session being renamed
    root.parentElement.addEventListener("keydown", (event) => this._keyDown(event));
  }

  /** Show the list. `id` is the open session, `threads` has its threads. */
  show(sessions, { id, threads }) {
    [this._sessions, this._current, this._threads] = [sessions, id, threads];
    this.update();
  }

  /** Draw the list again, as when other words are searched. */
  update() {
    if (!this._renaming) this._draw();
  }

  /** The title of a conversation in the list. */
  title(id) {
    return this._sessions.find((session) => session.session_id === id)?.title || WORDS.untitled;
  }

  _draw() {
    const focused = document.activeElement?.closest?.("[data-session]")?.dataset.session;
    const label = document.activeElement?.getAttribute?.("aria-label");
    const found = this._found();
    for (const [root, archived] of [[this._root, false], [this._archived, true]]) {
      const sessions = this._sessions.filter((session) => session.is_archived === archived && found.has(session));
      setChildren(root, sessions.map((session) => this._row(session, found.get(session))));
    }
    this._search.showCount(found.size);
    const folder = this._archived.closest("details");
    folder.hidden = !this._archived.childElementCount;
    if (this._search.isActive) folder.open = true;
    if (focused) this._refocus(focused, label);
  }

  /** The sessions that are shown, with where they have the words that are searched. */
  _found() {
    const matches = this._sessions.map((one) => [one, this._search.match({ ...one, title: this.title(one.session_id) })]);
    return new Map(matches.filter(([, match]) => match));
  }

  /** Focus the same button of a row that was drawn again. */
  _refocus(id, label) {
    const row = document.querySelector(`[data-session="${CSS.escape(id)}"]`);
    const buttons = [...(row?.querySelectorAll("button") ?? [])];
    (buttons.find((button) => button.getAttribute("aria-label") === label) ?? buttons[0])?.focus();
  }

  _row(session, match) {
    const { session_id: id, is_archived: archived } = session;
    const title = this.title(id);
    if (this._renaming === id) return el("li", { "data-session": id }, this._renameForm(id, title));
    const archiveLabel = (archived ? WORDS.list.unarchive : WORDS.list.archive)(title);
    return el(
      "li",
      { "data-session": id },
      this._openButton(session, title, match),
      el(
        "span",
        { className: "row-actions" },
        id === this._current ? iconButton("threads", WORDS.list.newThread(title), () => this._actions.newThread(), "quiet new-thread") : null,
        iconButton("pencil", WORDS.list.rename(title), () => this._startRename(id)),
        iconButton(archived ? "unarchive" : "archive", archiveLabel, () => this._actions.archive(id, !archived)),
        iconButton("trash", WORDS.list.delete(title), () => this._actions.remove(id, title)),
      ),
      id === this._current ? this._threadList() : null,
    );
  }

  _threadList() {
    return threadList(this._threads.all, this._threads.shown, this._actions);
  }

  _openButton({ session_id: id, unread, status }, title, { snippet, threadId }) {
    const words = snippet ? this._search.words : [];
    const where = snippet ? el("span", { className: "snippet" }, snippet) : null;
    const onclick = () => this._actions.open(id, words, threadId);
    const open = el("button", { type: "button", className: "row-title", title, onclick }, title, where);
    const isOpen = id === this._current;
    if (isOpen) open.setAttribute("aria-current", "page");
    const mark = status === "processing" ? "running" : unread && !isOpen ? "unread" : "";
    if (!mark) return open;
    open.dataset.mark = mark;
    open.title = WORDS.list.marked(title, WORDS.list.marks[mark]);
    open.setAttribute("aria-description", WORDS.list.marks[mark]);
    return open;
  }

  _startRename(id) {
    this._renaming = id;
    this._draw();
    const input = document.querySelector("#rename");
    input.focus();
    input.select();
  }

  _renameForm(id, title) {
    const input = el("input", { id: "rename", value: title, maxLength: 200, required: true, "aria-label": WORDS.list.newTitle });
    const close = async (save) => {
      if (this._renaming !== id) return;
      this._renaming = "";
      if (save && input.value.trim() && input.value !== title) await this._actions.rename(id, input.value.trim());
      this._draw();
      this._refocus(id, null);
    };
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      close(false);
    });
    input.addEventListener("blur", () => close(true));
    const submitted = (event) => {
      event.preventDefault();
      close(true);
    };
    return el("form", { onsubmit: submitted }, input, el("button", { className: "icon-button", "aria-label": WORDS.list.saveTitle }, icon("check")));
  }

  /** The arrow keys move the focus through the titles. */
  _keyDown(event) {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const titles = [...this._root.parentElement.querySelectorAll(".row-title")].filter((button) => button.offsetParent);
    const index = titles.indexOf(event.target);
    if (index < 0) return;
    event.preventDefault();
    titles[index + (event.key === "ArrowDown" ? 1 : -1)]?.focus();
  }
}
