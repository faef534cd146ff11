// What a tool asks of the person, as a form: a transaction, a signature, or anything else.

import { ofRequest } from "./advice.js";
import { arrange, clock, el, icon, pretty, say } from "./dom.js";

const KINDS = {
  wallet_tx_request: { title: "Sign and send a transaction", field: "Transaction hash", name: "txHash", yes: "Sent", hint: "0x…" },
  wallet_eip712_request: { title: "Sign typed data", field: "Signature", name: "signature", yes: "Signed", hint: "0x…" },
  client_request: { title: "A tool asks for something", field: "Answer (JSON or text)", name: "", yes: "Answer", hint: "{}" },
};

export class Requests {
  /** `actions.answer(id, result)` sends the answer. */
  constructor(root, actions) {
    this._root = root;
    this._actions = actions;
    this._forms = new Map();
  }

  show(requests) {
    for (const id of this._forms.keys()) if (!requests.has(id)) this._forms.delete(id);
    for (const request of requests.values()) {
      if (!this._forms.has(request.id)) this._forms.set(request.id, form(request, this._actions));
    }
    arrange(this._root, [...this._forms.values()]);
  }
}

function form(request, actions) {
  const { title, field, name, yes, hint } = KINDS[request.kind] ?? KINDS.client_request;
  const id = `request-${request.id}`;
  const input = el("input", { id, placeholder: hint, required: true, autocomplete: "off", spellcheck: false });
  const error = el("p", { className: "field-error", role: "alert" });
  const buttons = [
    el("button", { type: "submit", className: "primary" }, yes),
    el("button", { type: "button", className: "secondary", onclick: () => send(refusal()) }, "Refuse"),
  ];

  async function send(result) {
    for (const button of buttons) button.disabled = true;
    say(error, "");
    try {
      await actions.answer(request.id, result);
    } catch (problem) {
      const { what, next } = ofRequest(problem);
      say(error, `${what} ${next}`);
      for (const button of buttons) button.disabled = false;
    }
  }

  function submitted(event) {
    event.preventDefault();
    send(name ? { status: "success", [name]: input.value.trim() } : free(input.value));
  }

  const heading = el("h3", { id: `${id}-title` }, icon("wallet"), request.request.label || request.request.description || title);
  return el(
    "form",
    { className: "request", "aria-labelledby": heading.id, onsubmit: submitted },
    heading,
    el("p", { className: "hint" }, until(request, title)),
    facts(request.request),
    el("label", { htmlFor: id }, field),
    input,
    error,
    el("div", { className: "buttons" }, ...buttons),
  );
}

function until({ kind, expiresAt }, title) {
  const what = kind === "client_request" ? title : `${title}, request of a tool`;
  return expiresAt ? `${what}. It can be answered until ${clock(expiresAt)}.` : `${what}.`;
}

function facts(body) {
  const list = el("dl");
  for (const [name, value] of Object.entries(body)) {
    if (name === "label" || name === "description") continue;
    const shown = name === "value" ? amount(value) : pretty(value);
    list.append(el("dt", {}, name.replaceAll("_", " ")), el("dd", {}, shown));
  }
  return list;
}

/** Wei, as text, with what it is in whole coins. */
function amount(wei) {
  if (!/^\d+$/.test(wei)) return pretty(wei);
  const digits = wei.padStart(19, "0");
  const coins = `${digits.slice(0, -18)}.${digits.slice(-18)}`.replace(/\.?0+$/, "");
  return `${wei} wei (${coins} ETH)`;
}

function refusal() {
  return { status: "failed", error: "User rejected" };
}

/** An object as it is; anything else as the answer in one. */
function free(text) {
  try {
    const value = JSON.parse(text);
    return value && typeof value === "object" && !Array.isArray(value) ? value : { answer: value };
  } catch {
    return { answer: text };
  }
}
