// The files of the next message, above the message box.

import { isPicture } from "../session/draft_files.js";
import { WORDS } from "../words.js";
import { sizeText, thumbnail } from "./attachments.js";
import { el, icon, iconButton, setChildren, setText } from "./dom.js";

export class DraftChips {
  /** `actions.remove(file)`; `actions.leave()` moves the focus once the last one is removed. */
  constructor(list, actions) {
    this._list = list;
    this._actions = actions;
    this._chips = new Map(); // by file
  }

  /** Show the files of a session that the next message takes along. */
  show({ drafts, files }) {
    const hasMore = drafts.all.length > this._chips.size;
    const chips = new Map(drafts.all.map((file) => [file, this._chips.get(file) ?? this._chip(file, files)]));
    this._chips = chips;
    for (const chip of chips.values()) chip.update();
    setChildren(this._list, [...chips.values()].map(({ element }) => element));
    this._list.hidden = !chips.size;
    if (hasMore) this._list.scrollTop = this._list.scrollHeight;
  }

  _chip(file, files) {
    return new Chip(file, files, () => this._remove(file));
  }

  _remove(file) {
    const all = [...this._chips.keys()];
    const next = all[all.indexOf(file) + 1] ?? all[all.indexOf(file) - 1];
    this._actions.remove(file);
    if (next) this._chips.get(next).focus();
    else this._actions.leave();
  }
}

class Chip {
  constructor(file, files, remove) {
    this._file = file;
    this._note = el("span", { className: "file-note" });
    this._button = iconButton("close", WORDS.files.remove(file.filename), remove);
    const picture = isPicture(file) ? thumbnail(file, files, () => {}) : icon("file");
    const name = el("span", { className: "file-name" }, file.filename);
    this.element = el("li", { className: "file chip" }, picture, name, this._note, this._button);
  }

  update() {
    const { state, bytes } = this._file;
    this.element.dataset.state = state;
    setText(this._note, state === "ready" ? sizeText(bytes) : WORDS.files[state]);
  }

  focus() {
    this._button.focus();
  }
}
