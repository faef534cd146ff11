// A tool call that waits, as a card: approve it or decline it, give the result of a tool that the user runs, or answer the
// question of its server.

import { parseExact } from "../wire/exact_json.js";
import { WORDS } from "../words.js";
import { el, icon, prettyJson, setChildren, setText, timeOfDay } from "./dom.js";
import { answerErrorHelp } from "./error_help.js";
import { objectOf } from "./json_object.js";
import { QuestionForm } from "./question_form.js";

const MAX_ROWS = 12;

export class CallCard {
  /** `actions.send(answers)` sends answers, and throws the server's refusal; `actions.close(card)` takes the card away. */
  constructor(call, id, actions) {
    this._call = call;
    this._id = id;
    this._actions = actions;
    this._kind = WORDS.calls.kinds[call.kind] ?? WORDS.calls.kinds.client_tool;
    this._form = call.question && new QuestionForm(call.question, id);
    this._text = this.isApproval ? prettyJson(call.args) : "";
    this._until = el("p", { className: "hint" });
    this._error = el("p", { className: "field-error", role: "alert", id: `${id}-error` });
    this._box = el("textarea", { id: `${id}-box`, value: this._text, spellcheck: false, "aria-describedby": this._error.id, oninput: () => this._fit() });
    this._submit = el("button", { type: "button", className: "primary", onclick: () => this._answer() }, this._kind.submit);
    this._decline = el("button", { type: "button", className: "secondary", "aria-expanded": "false", onclick: () => this._toggleNo() }, WORDS.calls.decline);
    this._no = this._declineForm();
    this._controls = el("div", { className: "buttons" }, this._submit, this._decline);
    this.element = this._card();
    this._fit();
    this.update();
  }

  get isApproval() {
    return this._call.kind === "approval";
  }

  /** Whether its call does not wait any more, but it has words that the user has not seen. */
  isHeld = false;

  /** Whether an answer to its call is on its way. */
  isSending = false;

  /** Draw how long the call still waits. */
  update() {
    const left = this._call.expiresAt - Date.now();
    const isOver = left <= 0;
    setText(this._until, isOver ? WORDS.calls.isOver : WORDS.calls.waits(duration(left), timeOfDay(this._call.expiresAt)));
    if (isOver) this._setDisabled(true);
  }

  focus() {
    (this.isHeld ? this._close : this._submit).focus();
  }

  /** The approval with the arguments as they are in the box. Null, with words beside the box, if they are no object. */
  approval() {
    const answer = { call_id: this._call.callId, approve: true };
    if (this._box.value === this._text) return answer;
    try {
      return { ...answer, args: objectOf(this._box.value, WORDS.calls.arguments) };
    } catch (error) {
      this._refuseBox(error.message);
      return null;
    }
  }

  /** The answer that declines the call, with what is in the field for the reason. */
  decline() {
    const message = this._why.value.trim();
    return { call_id: this._call.callId, approve: false, ...(message && { message }) };
  }

  /** Send an answer, and say beside the card why it is refused. */
  async send(answer) {
    if (this.isSending) return;
    this._say("");
    this.setSending(true);
    try {
      await this._actions.send([answer]);
    } catch (error) {
      const { words, isFinal } = answerErrorHelp(error);
      this._say(words);
      if (isFinal) this._hold();
    }
    this.setSending(false);
  }

  /** Buttons keep the focus while an answer is sent. */
  setSending(isSending) {
    this.isSending = isSending;
    for (const button of [this._submit, this._decline]) button.setAttribute("aria-disabled", String(isSending));
  }

  _card() {
    const { name, question } = this._call;
    const heading = el("h3", { id: `${this._id}-title` }, icon("tool"), this._kind.title(name));
    return el(
      "div",
      { className: "request call", role: "group", "aria-labelledby": heading.id },
      heading,
      el("p", { className: "hint" }, this._kind.hint),
      ...(this._form ? [el("p", { className: "question-text" }, question.message), this._form.element] : this._boxParts()),
      this._error,
      this._until,
      this._controls,
      this._no,
    );
  }

  _boxParts() {
    const { name, args } = this._call;
    const shown = el("pre", { tabIndex: 0, role: "group", "aria-label": WORDS.calls.argumentsOf(name) }, prettyJson(args));
    return [this.isApproval ? null : shown, el("label", { htmlFor: this._box.id }, this._kind.label), this._box];
  }

  _declineForm() {
    const id = `${this._id}-no`;
    this._why = el("input", { id, maxLength: 4000, autocomplete: "off" });
    const onsubmit = (event) => {
      event.preventDefault();
      this.send(this.decline());
    };
    const onkeydown = (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation(); // the page's own Escape stops a turn
      this._toggleNo();
    };
    const submit = el("button", { type: "submit", className: "secondary" }, WORDS.calls.declineWithReason);
    const label = el("label", { htmlFor: id }, WORDS.calls.reason);
    return el("form", { className: "call-no", hidden: true, onsubmit, onkeydown }, label, this._why, submit);
  }

  _toggleNo() {
    const isOpen = this._no.hidden;
    this._no.hidden = !isOpen;
    this._decline.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) this._why.focus();
    else this._decline.focus();
  }

  _answer() {
    if (this._form) return this._sendContent();
    if (!this.isApproval) return this._sendResult();
    const answer = this.approval();
    if (answer) this.send(answer);
  }

  _sendResult() {
    if (!this._box.value.trim()) return this._refuseBox(WORDS.calls.noResult);
    this.send({ call_id: this._call.callId, result: resultOf(this._box.value) });
  }

  _sendContent() {
    try {
      this.send({ call_id: this._call.callId, approve: true, result: this._form.content() });
    } catch (error) {
      this._say(`${error.message}.`);
    }
  }

  _refuseBox(words) {
    this._say(`${words}.`);
    this._box.setAttribute("aria-invalid", "true");
    this._box.focus();
  }

  _say(words) {
    this._box.removeAttribute("aria-invalid");
    setText(this._error, words);
  }

  /** The call does not wait any more: only the words are left, until the user has seen them. */
  _hold() {
    this.isHeld = true;
    this._setDisabled(true);
    this._no.hidden = true;
    this._close = el("button", { type: "button", className: "secondary", onclick: () => this._actions.close(this) }, WORDS.calls.close);
    const hadFocus = this.element.contains(document.activeElement);
    setChildren(this._controls, [this._close]);
    if (hadFocus) this._close.focus();
  }

  _setDisabled(isDisabled) {
    for (const control of [this._box, this._submit, this._decline, this._form?.element]) if (control) control.disabled = isDisabled;
  }

  _fit() {
    this._box.rows = Math.min(MAX_ROWS, Math.max(2, this._box.value.split("\n").length));
  }
}

/** JSON as it is, anything else as text. */
function resultOf(text) {
  try {
    return parseExact(text);
  } catch {
    return text;
  }
}

function duration(milliseconds) {
  const seconds = Math.ceil(milliseconds / 1000);
  if (seconds < 60) return WORDS.units.seconds(seconds);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const parts = [hours && WORDS.units.hours(hours), minutes % 60 && WORDS.units.minutes(minutes % 60)];
  return parts.filter(Boolean).join(" ");
}
