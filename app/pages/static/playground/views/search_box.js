// The search in conversations: their titles, and their texts.

import { MAX_CONVERSATIONS, TextSearch } from "../session/text_search.js";
import { WORDS } from "../words.js";
import { setText } from "./dom.js";

const { search: TEXTS } = WORDS.list;

export class SearchBox {
  /** `changed()` runs when other words are searched, or more was found; `leave()` moves the focus when it is given up. */
  constructor(input, status, api, { changed, leave }) {
    Object.assign(this, { _input: input, _status: status, _texts: new TextSearch(api.unlogged(), changed) });
    const search = () => {
      this._texts.searchFor(this.words);
      changed();
    };
    input.addEventListener("input", search);
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation(); // the page's own Escape stops a turn
      if (!input.value) return leave();
      input.value = "";
      search();
    });
  }

  /** Search in these conversations: the list as the API has it. */
  searchIn(sessions) {
    this._texts.searchIn(sessions);
  }

  /** The words that are searched, in lower case. */
  get words() {
    return this._input.value.toLowerCase().split(/\s+/).filter(Boolean);
  }

  get isActive() {
    return this.words.length > 0;
  }

  /** Where a conversation has the words: {snippet, threadId}, both '' if its title has them; null if nothing has. */
  match({ session_id: id, title }) {
    const isInTitle = this.words.every((word) => title.toLowerCase().includes(word));
    return isInTitle ? { snippet: "", threadId: "" } : this._texts.find(id);
  }

  /** Say how many conversations were found, and what was not searched. */
  showCount(count) {
    setText(this._status, this.isActive ? this._summary(count) : "");
  }

  _summary(count) {
    const { isRunning, hasMissed, isCut } = this._texts;
    if (isRunning) return TEXTS.running(count);
    const left = [hasMissed && TEXTS.missed, isCut && TEXTS.cut(MAX_CONVERSATIONS)].filter(Boolean);
    return [TEXTS.found(count), ...left].join(". ");
  }
}
