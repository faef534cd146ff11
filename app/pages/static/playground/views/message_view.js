// A message of the user, and a reply to a tool.

import { WORDS } from "../words.js";
import { attachmentList } from "./attachments.js";
import { copyButton, el, hiddenHeading, icon, iconButton, setChildren, setText } from "./dom.js";
import { EditForm } from "./edit_form.js";
import { Versions } from "./versions.js";

export class MessageView {
  /** `actions.withdraw(message)`, `actions.edit(message, text)` and `actions.choose(siblings, number)`. */
  constructor(message, actions, files) {
    this._message = message;
    this._actions = actions;
    this._isBusy = false;
    this._form = null; // while the message is edited
    this._note = el("span");
    this._withdraw = el("button", { type: "button", className: "link", onclick: () => actions.withdraw(message) }, WORDS.messages.withdraw);
    this._badge = el("p", { className: "badge" }, this._note, this._withdraw);
    this._words = el("p", { className: "words" }, message.text);
    this._edit = iconButton("pencil", WORDS.messages.edit, () => this._open());
    this._versions = new Versions((siblings, number) => actions.choose(siblings, number));
    this._tools = el("div", { className: "tools" }, copyButton(WORDS.messages.copy, () => message.text), this._edit, this._versions.element);
    this._body = el("div", { className: "said-body" }, this._words);
    const attachments = attachmentList(message.attachments, files);
    this.element = el("article", { className: "said" }, hiddenHeading(WORDS.messages.you), attachments, this._body, this._badge, this._tools);
  }

  update({ isWaiting, isBusy }) {
    const { id, siblings, sending, runId } = this._message;
    setText(this._note, isWaiting ? WORDS.messages.waiting : sending ? WORDS.messages.sending : "");
    this._withdraw.hidden = !(isWaiting && runId);
    this._badge.hidden = !this._note.textContent;
    this.element.classList.toggle("waits", isWaiting || sending);
    this._isBusy = isBusy;
    this._edit.hidden = isBusy || this._form !== null;
    this._form?.update({ isBusy });
    this._versions.update(siblings, id, isBusy);
  }

  _open() {
    this._form = new EditForm(this._message.text, { save: (text) => this._save(text), cancel: () => this._cancel() });
    this._show(this._form.element);
    this._form.focus();
  }

  async _save(text) {
    const isAccepted = await this._actions.edit(this._message, text);
    if (isAccepted) this._close();
    return isAccepted;
  }

  _cancel() {
    this._close();
    this._edit.focus();
  }

  _close() {
    this._form = null;
    this._show(this._words);
  }

  _show(element) {
    setChildren(this._body, [element]);
    this.element.classList.toggle("edits", this._form !== null);
    this._edit.hidden = this._isBusy || this._form !== null;
  }
}

export class ToolReplyView {
  constructor(reply) {
    const name = el("span", { className: "card-name" }, WORDS.messages.toolReply);
    const summary = el("summary", {}, el("span", { className: "card-row" }, icon("reply"), name, icon("chevron")));
    const text = el("pre", { tabIndex: 0, role: "group", "aria-label": WORDS.messages.toolReplyText }, reply.text);
    const copy = copyButton(WORDS.messages.copyToolReply, () => reply.text);
    const body = el("div", { className: "card-body" }, text, copy);
    this.element = el("details", { className: "card note" }, summary, body);
  }

  update() {} // it never changes
}
