// The conversations at the side. Each is a session of its own, listed by a key that only this browser knows.

import { arrange, el, icon, iconButton } from "./dom.js";

export class Sidebar {
  /** `actions`: open(id), rename(id, title), archive(id, archived), remove(id), all but `open` promises. */
  constructor(root, archivedRoot, actions) {
    this._root = root;
    this._archived = archivedRoot;
    this._actions = actions;
    this._listed = [];
    this._current = "";
    this._renaming = "";
    root.parentElement.addEventListener("keydown", (event) => this._key(event));
  }

  show(listed, current) {
    [this._listed, this._current] = [listed, current];
    if (!this._renaming) this._draw();
  }

  /** The title of a listed conversation. */
  title(id) {
    return this._listed.find((one) => one.session_id === id)?.title || "New conversation";
  }

  _draw() {
    const focused = document.activeElement?.closest?.("[data-session]")?.dataset.session;
    const label = document.activeElement?.getAttribute?.("aria-label");
    for (const [root, archived] of [[this._root, false], [this._archived, true]]) {
      arrange(root, this._listed.filter((one) => one.is_archived === archived).map((one) => this._row(one)));
    }
    const folder = this._archived.closest("details");
    folder.hidden = !this._archived.childElementCount;
    if (focused) this._refocus(focused, label);
  }

  /** The row was made anew: the focus goes to the same button of it. */
  _refocus(id, label) {
    const row = document.querySelector(`[data-session="${CSS.escape(id)}"]`);
    const buttons = [...(row?.querySelectorAll("button") ?? [])];
    (buttons.find((one) => one.getAttribute("aria-label") === label) ?? buttons[0])?.focus();
  }

  _row({ session_id: id, is_archived: archived }) {
    const title = this.title(id);
    if (this._renaming === id) return el("li", { "data-session": id }, this._renameForm(id, title));
    const open = el("button", { type: "button", className: "row-title", title, onclick: () => this._actions.open(id) }, title);
    if (id === this._current) open.setAttribute("aria-current", "page");
    const put = archived ? "Take out of the archive" : "Archive";
    return el(
      "li",
      { "data-session": id },
      open,
      el(
        "span",
        { className: "row-actions" },
        iconButton("pencil", `Rename: ${title}`, () => this._rename(id)),
        iconButton(archived ? "unarchive" : "archive", `${put}: ${title}`, () => this._actions.archive(id, !archived)),
        iconButton("trash", `Delete: ${title}`, () => this._actions.remove(id)),
      ),
    );
  }

  _rename(id) {
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

  /** Up and down go through the titles. */
  _key(event) {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const titles = [...this._root.parentElement.querySelectorAll(".row-title")].filter((one) => one.offsetParent);
    const at = titles.indexOf(event.target);
    if (at < 0) return;
    event.preventDefault();
    titles[at + (event.key === "ArrowDown" ? 1 : -1)]?.focus();
  }
}
