// The editor of the session's user state: a dialog with its JSON.

import { WORDS } from "../words.js";
import { announce } from "./notices.js";
import { prettyJson, setText } from "./dom.js";
import { objectOf } from "./json_object.js";

export class UserStateDialog {
  /** `session()` is the open session; `button` opens the dialog. */
  constructor(dialog, button, session) {
    this._dialog = dialog;
    this._button = button;
    this._session = session;
    this._edited = null; // the session whose state is, or was, in the box
    this._box = dialog.querySelector("textarea");
    this._error = dialog.querySelector("[role=alert]");
    button.addEventListener("click", () => this._open());
    this._box.addEventListener("input", () => this._say(""));
    dialog.querySelector("[data-do=cancel]").addEventListener("click", () => dialog.close());
    dialog.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      this._save(this._edited);
    });
  }

  /** Before the session is loaded, nobody knows what there is to edit. What was open of another session is closed. */
  update(session) {
    this._button.disabled = !session.loaded;
    if (session !== this._edited) this._dialog.close();
  }

  _open() {
    const session = this._session();
    if (!session.loaded) return;
    this._edited = session;
    this._box.value = prettyJson(session.userState.value);
    this._say("");
    this._dialog.showModal();
    this._box.focus();
  }

  async _save(session) {
    try {
      await session.userState.save(objectOf(this._box.value, WORDS.userState.name));
    } catch (error) {
      if (!(error instanceof SyntaxError) && !("status" in error)) throw error;
      return this._refuse(error.message);
    }
    if (session === this._edited) this._dialog.close();
    announce(WORDS.userState.saved);
  }

  _refuse(words) {
    this._say(words);
    this._box.setAttribute("aria-invalid", "true");
    this._box.focus();
  }

  _say(words) {
    this._box.removeAttribute("aria-invalid");
    setText(this._error, words);
  }
}
