// A tool call as a card that opens: what it was asked, what it gave, and when.

import { arrange, clock, el, icon, pretty, say } from "./dom.js";

export class Card {
  constructor(call) {
    this._call = call;
    this._state = el("span", { className: "card-state" });
    this._took = el("span", { className: "card-time" });
    this._body = el("div", { className: "card-body" });
    this._steps = el("ol", { className: "steps" });
    this._later = el("div", { className: "card-part" }, el("h4", {}, "Later steps"), this._steps);
    this._result = el("div", { className: "card-part" });
    this._body.append(el("div", { className: "card-part" }, ...block("Arguments", call.args)), this._result, this._later, this._when());
    const name = el("span", { className: "card-name" }, call.name);
    const summary = el("summary", {}, icon("tool"), name, this._state, this._took, icon("chevron"));
    this.element = el("details", { className: "card" }, summary, this._body);
    this.update();
  }

  update() {
    const { answered, result, steps, done, took } = this._call;
    const failed = Boolean(result?.error);
    const going = steps.length > 0 && !done;
    const words = !answered ? "running" : failed ? "failed" : going ? `step ${steps.length + 1}` : "done";
    this.element.dataset.state = !answered || going ? "running" : failed ? "failed" : "done";
    say(this._state, words);
    say(this._took, took === null ? "" : duration(took));
    if (answered && !this._result.hasChildNodes()) this._result.append(...block(failed ? "Error" : "Result", result));
    while (this._steps.childElementCount > steps.length) this._steps.lastChild.remove();
    for (const step of steps.slice(this._steps.childElementCount)) this._steps.append(stepItem(step));
    this._later.hidden = !steps.length;
  }

  _when() {
    const { startedAt } = this._call;
    return startedAt ? el("p", { className: "card-when" }, `Called at ${clock(startedAt)}`) : "";
  }
}

function block(title, value) {
  const code = el("pre", { tabIndex: 0, role: "region", "aria-label": title }, pretty(value));
  return [el("h4", {}, title), code];
}

function stepItem({ result, at }) {
  const item = el("li");
  arrange(item, [el("span", { className: "card-time" }, clock(at)), el("code", {}, JSON.stringify(result))]);
  return item;
}

function duration(milliseconds) {
  return milliseconds < 1000 ? `${milliseconds} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}
