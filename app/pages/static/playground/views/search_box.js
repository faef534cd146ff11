// The search in conversations: their titles, and the texts that this tab has loaded.

import { LoadedTexts } from "../session/loaded_texts.js";
import { WORDS } from "../words.js";
import { setText } from "./dom.js";

export class SearchBox {
  /** `changed()` runs when other words are searched; `leave()` moves the focus when the search is given up. */
  constructor(input, status, { changed, leave }) {
    Object.assign(this, { _input: input, _status: status, _texts: new LoadedTexts() });
    input.addEventListener("input", changed);
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation(); // the page's own Escape stops a turn
      if (!input.value) return leave();
      input.value = "";
      changed();
    });
  }

  /** Take over the text of a session that is, or was, on the screen. */
  keep(session) {
    this._texts.keep(session);
  }

  /** The words that are searched, in lower case. */
  get words() {
    return this._input.value.toLowerCase().split(/\s+/).filter(Boolean);
  }

  get isActive() {
    return this.words.length > 0;
  }

  /** Where a conversation has the words: {inTitle, snippet}, null if it has not. */
  match({ session_id: id, title }) {
    const { words } = this;
    const inTitle = words.every((word) => title.toLowerCase().includes(word));
    const snippet = inTitle ? "" : this._texts.find(id, words);
    return inTitle || snippet ? { inTitle, snippet } : null;
  }

  /** Say how many conversations were found. */
  showCount(count) {
    const words = count === 0 ? WORDS.list.nothingFound : WORDS.list.found(count);
    setText(this._status, this.isActive ? words : "");
  }
}
