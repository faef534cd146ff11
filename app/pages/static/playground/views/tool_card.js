// A tool call as a card that opens: its arguments, its results, and when it was called.

import { WORDS } from "../words.js";
import { attachmentList } from "./attachments.js";
import { el, icon, prettyJson, setChildren, setText, timeOfDay } from "./dom.js";

const FIRST_LINES = 3; // of the arguments, on a closed card
const LINE_LENGTH = 300; // characters: more are never seen

export class ToolCard {
  /** `files` has the bytes of an image that the tool returns. */
  constructor(call, files) {
    this._call = call;
    this._files = files;
    this._state = el("span", { className: "card-state" });
    this._duration = el("span", { className: "card-time" });
    this._steps = el("ol", { className: "steps" });
    this._laterSteps = el("div", { className: "card-part" }, el("h4", {}, WORDS.tools.laterSteps), this._steps);
    this._result = el("div", { className: "card-part" });
    this._args = el("div", { className: "card-part" });
    const body = el("div", { className: "card-body" }, this._args, this._result, this._laterSteps, calledAt(call));
    const name = el("span", { className: "card-name" }, call.name);
    const row = el("span", { className: "card-row" }, icon("tool"), name, this._state, this._duration, icon("chevron"));
    this._firstLines = el("span", { className: "card-args" });
    const summary = el("summary", {}, row, this._firstLines);
    this.element = el("details", { className: "card" }, summary, body);
    this.update();
  }

  /** `openCalls` are the ids of the calls that wait for an answer. */
  update({ openCalls = new Set() } = {}) {
    const { id, hasResult, result, steps, isRunning, hasFailed, duration } = this._call;
    const state = isRunning ? "running" : hasFailed ? "failed" : "done";
    const waits = !hasResult && openCalls.has(id);
    this.element.dataset.state = state;
    setText(this._state, waits ? WORDS.tools.waits : isRunning && hasResult ? WORDS.tools.step(steps.length + 1) : WORDS.tools.states[state]);
    setText(this._duration, duration === null ? "" : formatDuration(duration));
    this._showArgs();
    if (hasResult && !this._result.hasChildNodes()) this._showResult(result?.error ? WORDS.tools.error : WORDS.tools.result);
    while (this._steps.childElementCount > steps.length) this._steps.lastChild.remove();
    for (const step of steps.slice(this._steps.childElementCount)) this._steps.append(stepItem(step));
    this._laterSteps.hidden = !steps.length;
  }

  /** A person may have put others in the place of the model's. */
  _showArgs() {
    const { args, isEdited } = this._call;
    if (args === this._shownArgs) return;
    this._args.replaceChildren(...codeBlock(isEdited ? WORDS.tools.changedArguments : WORDS.tools.arguments, args));
    setText(this._firstLines, firstLines(args));
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
  return startedAt ? el("p", { className: "card-when" }, WORDS.tools.calledAt(timeOfDay(startedAt))) : "";
}

function codeBlock(title, value) {
  const code = el("pre", { tabIndex: 0, role: "group", "aria-label": title }, prettyJson(value));
  return [el("h4", {}, title), code];
}

/** The first arguments, each on a line of its own; those that are not short are cut by the page. */
function firstLines(args) {
  const lines = Object.entries(args ?? {}).map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`);
  const shown = lines.slice(0, FIRST_LINES).map((line) => line.replace(/\s+/g, " ").slice(0, LINE_LENGTH));
  return [...shown, ...(lines.length > FIRST_LINES ? ["…"] : [])].join("\n");
}

function stepItem({ result, at }) {
  const item = el("li");
  setChildren(item, [el("span", { className: "card-time" }, timeOfDay(at)), el("code", {}, JSON.stringify(result))]);
  return item;
}

function formatDuration(milliseconds) {
  return milliseconds < 1000 ? WORDS.units.milliseconds(milliseconds) : WORDS.units.seconds((milliseconds / 1000).toFixed(1));
}
