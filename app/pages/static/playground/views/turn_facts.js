// What a turn took: its time, tokens and cost in one line, which opens a list of all.

import { WORDS } from "../words.js";
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
    [this._shown, this._facts] = [shown, facts];
    setText(this.button, summary(facts));
    if (!this.list.hidden) this._list();
  }

  _list() {
    const rows = rowsOf(this._facts).filter(([, value]) => value);
    setChildren(this.list, rows.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
  }

  _toggle() {
    this.list.hidden = !this.list.hidden;
    if (!this.list.hidden) this._list();
    this.button.setAttribute("aria-expanded", String(!this.list.hidden));
    this.list.scrollIntoView({ block: "nearest" });
  }
}

function summary(facts) {
  const { usage } = facts;
  const tokens = usage && WORDS.facts.tokens((usage.input_tokens + usage.output_tokens).toLocaleString());
  return [took(facts), tokens, usage?.cost_usd ? cost(usage.cost_usd) : ""].filter(Boolean).join(" · ") || WORDS.facts.details;
}

function rowsOf(facts) {
  const { model, started_at: startedAt, usage = {} } = facts;
  const { input_tokens: input, cached_tokens: cached, output_tokens: output, model_calls: calls } = usage;
  const words = WORDS.facts;
  const counted = (text) => (usage.estimated_calls ? words.estimated(text) : text);
  const read = () => [input.toLocaleString(), cached && words.cached(cached.toLocaleString())].filter(Boolean).join(", ");
  return [
    [words.model, model],
    [words.began, startedAt && timeOfDay(new Date(startedAt))],
    [words.took, took(facts)],
    [words.read, input !== undefined && counted(read())],
    [words.written, output !== undefined && counted(output.toLocaleString())],
    [words.calls, calls !== undefined && String(calls)],
    [words.cost, usage.own_key_calls ? words.ownKey : usage.cost_usd !== undefined && cost(usage.cost_usd)],
  ];
}

function took({ started_at: startedAt, ended_at: endedAt }) {
  if (!startedAt || !endedAt) return "";
  const duration = new Date(endedAt) - new Date(startedAt);
  const { seconds, minutes } = WORDS.units;
  if (duration < MINUTE) return seconds((duration / 1000).toFixed(1));
  return `${minutes(Math.floor(duration / MINUTE))} ${seconds(Math.round((duration % MINUTE) / 1000))}`;
}

function cost(dollars) {
  const digits = dollars > 0 && dollars < SMALL_COST ? { maximumSignificantDigits: 2 } : { maximumFractionDigits: 2 };
  return `$${dollars.toLocaleString(undefined, digits)}`;
}
