// A message of the user, and a reply to a tool.

import { attachmentList } from "./attachments.js";
import { el, hiddenHeading, icon, setText } from "./dom.js";

export class MessageView {
  /** `actions.withdraw(message)` takes back a message that waits. */
  constructor(message, actions, files) {
    this._message = message;
    this._note = el("span");
    const withdraw = () => actions.withdraw(message);
    this._withdraw = el("button", { type: "button", className: "link", onclick: withdraw }, "Withdraw");
    this._badge = el("p", { className: "badge" }, this._note, this._withdraw);
    const text = el("p", { className: "words" }, message.text);
    const attachments = attachmentList(message.attachments, files);
    this.element = el("article", { className: "said" }, hiddenHeading("You"), attachments, text, this._badge);
  }

  update({ isWaiting }) {
    const { sending, runId } = this._message;
    setText(this._note, isWaiting ? "Waiting for the previous reply" : sending ? "Sending" : "");
    this._withdraw.hidden = !(isWaiting && runId);
    this._badge.hidden = !this._note.textContent;
    this.element.classList.toggle("waits", isWaiting || sending);
  }
}

export class ToolReplyView {
  constructor(reply) {
    const name = el("span", { className: "card-name" }, "Your reply to a tool");
    const summary = el("summary", {}, icon("reply"), name, icon("chevron"));
    const body = el("div", { className: "card-body" }, el("pre", { tabIndex: 0 }, reply.text));
    this.element = el("details", { className: "card note" }, summary, body);
  }

  update() {} // it never changes
}
