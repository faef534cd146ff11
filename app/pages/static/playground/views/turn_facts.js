// What a turn took: its time, tokens and cost in one line, which opens a list of all.

import { el, setChildren, setText, timeOfDay } from "./dom.js";

const MINUTE = 60_000; // milliseconds
const SMALL_COST = 0.01; // US$: below it, costs have two digits that count

let number = 0; // of the lists, for their ids

export class TurnFacts {
  constructor() {
    const id = `facts-${++number}`;
    this._shown = "";
    this.list = el("dl", { id, className: "facts", hidden: true });
    this.button = el("button", { type: "button", className: "facts-button quiet", "aria-expanded": "false", "aria-controls": id, onclick: () => this._toggle() });
  }

  /** Show `facts` as /api/state has them in `turn`; null hides them. */
  update(facts) {
    this.button.hidden = !facts;
    const shown = JSON.stringify(facts);
    if (!facts || this._shown === shown) return;
    this._shown = shown;
    setText(this.button, summary(facts));
    const rows = Object.entries(rowsOf(facts)).filter(([, value]) => value);
    setChildren(this.list, rows.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
  }

  _toggle() {
    this.list.hidden = !this.list.hidden;
    this.button.setAttribute("aria-expanded", String(!this.list.hidden));
    this.list.scrollIntoView({ block: "nearest" });
  }
}

function summary(facts) {
  const { usage } = facts;
  const tokens = usage && `${(usage.input_tokens + usage.output_tokens).toLocaleString()} tokens`;
  return [took(facts), tokens, usage?.cost_usd ? cost(usage.cost_usd) : ""].filter(Boolean).join(" · ") || "Details";
}

function rowsOf(facts) {
  const { model, started_at: startedAt, usage = {} } = facts;
  const { input_tokens: input, cached_tokens: cached, output_tokens: output, model_calls: calls } = usage;
  const estimated = usage.estimated_calls ? " (estimated)" : "";
  return {
    Model: model,
    Began: startedAt && timeOfDay(new Date(startedAt)),
    Took: took(facts),
    "Tokens read": input !== undefined && `${input.toLocaleString()}${cached ? `, ${cached.toLocaleString()} of them cached` : ""}${estimated}`,
    "Tokens written": output !== undefined && `${output.toLocaleString()}${estimated}`,
    "Model calls": calls !== undefined && String(calls),
    Cost: usage.own_key_calls ? "Paid with your own key" : usage.cost_usd !== undefined && cost(usage.cost_usd),
  };
}

function took({ started_at: startedAt, ended_at: endedAt }) {
  if (!startedAt || !endedAt) return "";
  const duration = new Date(endedAt) - new Date(startedAt);
  if (duration < MINUTE) return `${(duration / 1000).toFixed(1)} s`;
  return `${Math.floor(duration / MINUTE)} min ${Math.round((duration % MINUTE) / 1000)} s`;
}

function cost(dollars) {
  const digits = dollars > 0 && dollars < SMALL_COST ? { maximumSignificantDigits: 2 } : { maximumFractionDigits: 2 };
  return `$${dollars.toLocaleString(undefined, digits)}`;
}
