// The list of conversations. Each one is a session, created under a public key that only this browser knows.

import { el, icon, iconButton, setChildren } from "./dom.js";

export class Sidebar {
  /** `actions`: `open(id)`, and `rename(id, title)`, `archive(id, archived)`, `remove(id)`, which return promises. */
  constructor(root, archivedRoot, actions) {
    this._root = root;
    this._archived = archivedRoot;
    this._actions = actions;
    this._sessions = [];
    this._current = ""; // the id of the open session
    this._renaming = ""; // the id of the session being renamed
    root.parentElement.addEventListener("keydown", (event) => this._keyDown(event));
  }

  show(sessions, current) {
    [this._sessions, this._current] = [sessions, current];
    if (!this._renaming) this._draw();
  }

  /** The title of a conversation in the list. */
  title(id) {
    return this._sessions.find((session) => session.session_id === id)?.title || "New conversation";
  }

  _draw() {
    const focused = document.activeElement?.closest?.("[data-session]")?.dataset.session;
    const label = document.activeElement?.getAttribute?.("aria-label");
    for (const [root, archived] of [[this._root, false], [this._archived, true]]) {
      const sessions = this._sessions.filter((session) => session.is_archived === archived);
      setChildren(root, sessions.map((session) => this._row(session)));
    }
    const folder = this._archived.closest("details");
    folder.hidden = !this._archived.childElementCount;
    if (focused) this._refocus(focused, label);
  }

  /** Focus the same button of a row that was drawn again. */
  _refocus(id, label) {
    const row = document.querySelector(`[data-session="${CSS.escape(id)}"]`);
    const buttons = [...(row?.querySelectorAll("button") ?? [])];
    (buttons.find((button) => button.getAttribute("aria-label") === label) ?? buttons[0])?.focus();
  }

  _row({ session_id: id, is_archived: archived, unread }) {
    const title = this.title(id);
    if (this._renaming === id) return el("li", { "data-session": id }, this._renameForm(id, title));
    const open = el("button", { type: "button", className: "row-title", title, onclick: () => this._actions.open(id) }, title);
    if (id === this._current) open.setAttribute("aria-current", "page");
    else if (unread) open.setAttribute("aria-description", "Unread");
    const archiveLabel = archived ? "Take out of the archive" : "Archive";
    return el(
      "li",
      { "data-session": id },
      open,
      el(
        "span",
        { className: "row-actions" },
        iconButton("pencil", `Rename: ${title}`, () => this._startRename(id)),
        iconButton(archived ? "unarchive" : "archive", `${archiveLabel}: ${title}`, () => this._actions.archive(id, !archived)),
        iconButton("trash", `Delete: ${title}`, () => this._actions.remove(id)),
      ),
    );
  }

  _startRename(id) {
    this._renaming = id;
    this._draw();
    const input = document.querySelector("#rename");
    input.focus();
    input.select();
  }

  _renameForm(id, title) {
    const input = el("input", { id: "rename", value: title, maxLength: 200, required: true, "aria-label": "New title" });
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
    return el("form", { onsubmit: submitted }, input, el("button", { className: "icon-button", "aria-label": "Save the title" }, icon("check")));
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
