// A tool call as a card that opens: its arguments, its results, and when it was called.

import { attachmentList } from "./attachments.js";
import { el, icon, prettyJson, setChildren, setText, timeOfDay } from "./dom.js";

export class ToolCard {
  /** `files` has the bytes of an image that the tool returns. */
  constructor(call, files) {
    this._call = call;
    this._files = files;
    this._state = el("span", { className: "card-state" });
    this._duration = el("span", { className: "card-time" });
    this._steps = el("ol", { className: "steps" });
    this._laterSteps = el("div", { className: "card-part" }, el("h4", {}, "Later steps"), this._steps);
    this._result = el("div", { className: "card-part" });
    this._args = el("div", { className: "card-part" });
    const body = el("div", { className: "card-body" }, this._args, this._result, this._laterSteps, calledAt(call));
    const name = el("span", { className: "card-name" }, call.name);
    const summary = el("summary", {}, icon("tool"), name, this._state, this._duration, icon("chevron"));
    this.element = el("details", { className: "card" }, summary, body);
    this.update();
  }

  /** `openCalls` are the ids of the calls that wait for an answer. */
  update({ openCalls = new Set() } = {}) {
    const { id, hasResult, result, steps, isRunning, hasFailed, duration } = this._call;
    const state = isRunning ? "running" : hasFailed ? "failed" : "done";
    const waits = !hasResult && openCalls.has(id);
    this.element.dataset.state = state;
    setText(this._state, waits ? "waits for you" : isRunning && hasResult ? `step ${steps.length + 1}` : state);
    setText(this._duration, duration === null ? "" : formatDuration(duration));
    this._showArgs();
    if (hasResult && !this._result.hasChildNodes()) this._showResult(result?.error ? "Error" : "Result");
    while (this._steps.childElementCount > steps.length) this._steps.lastChild.remove();
    for (const step of steps.slice(this._steps.childElementCount)) this._steps.append(stepItem(step));
    this._laterSteps.hidden = !steps.length;
  }

  /** A person may have put others in the place of the model's. */
  _showArgs() {
    const { args, isEdited } = this._call;
    if (args === this._shownArgs) return;
    this._args.replaceChildren(...codeBlock(isEdited ? "Arguments, as they were changed" : "Arguments", args));
    this._shownArgs = args;
  }

  _showResult(title) {
    const { result } = this._call;
    this._result.append(...codeBlock(title, result));
    if (isStoredFile(result)) this._result.append(attachmentList([result], this._files));
  }
}

/** Whether a result is an image that the tool returned. */
function isStoredFile(result) {
  return typeof result?.file_id === "string" && typeof result.media_type === "string";
}

function calledAt({ startedAt }) {
  return startedAt ? el("p", { className: "card-when" }, `Called at ${timeOfDay(startedAt)}`) : "";
}

function codeBlock(title, value) {
  const code = el("pre", { tabIndex: 0, role: "region", "aria-label": title }, prettyJson(value));
  return [el("h4", {}, title), code];
}

function stepItem({ result, at }) {
  const item = el("li");
  setChildren(item, [el("span", { className: "card-time" }, timeOfDay(at)), el("code", {}, JSON.stringify(result))]);
  return item;
}

function formatDuration(milliseconds) {
  return milliseconds < 1000 ? `${milliseconds} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}
