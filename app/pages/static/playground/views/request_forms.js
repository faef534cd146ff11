// Client requests as forms: a transaction, a signature, or anything else that a tool needs from the user.

import { WORDS } from "../words.js";
import { amountText } from "./coins.js";
import { el, icon, prettyJson, setChildren, setText, timeOfDay } from "./dom.js";
import { requestErrorHelp } from "./error_help.js";

/** The fields of results that have the reply, by the kinds of a wallet. The reply to an app's own kind is the result itself. */
const FIELDS = { wallet_tx_request: "txHash", wallet_eip712_request: "signature" };

export class RequestForms {
  /** `actions.reply(id, result)` sends the reply to a request. */
  constructor(root, actions) {
    this._root = root;
    this._actions = actions;
    this._forms = new Map(); // by request id
  }

  show(requests) {
    const open = new Set(requests.map(({ id }) => id));
    for (const id of this._forms.keys()) if (!open.has(id)) this._forms.delete(id);
    for (const request of requests) {
      if (!this._forms.has(request.id)) this._forms.set(request.id, new RequestForm(request, this._actions));
      this._forms.get(request.id).update();
    }
    setChildren(this._root, [...this._forms.values()].map(({ element }) => element));
  }
}

class RequestForm {
  constructor(request, actions) {
    this._request = request;
    this._actions = actions;
    this._isForWallet = Object.hasOwn(FIELDS, request.kind);
    this._words = WORDS.requests.kinds[this._isForWallet ? request.kind : "own"];
    const { submit, placeholder } = this._words;
    const id = `request-${request.id}`;
    const reject = () => this._send({ status: "failed", error: "User rejected" });
    this._input = el("input", { id, placeholder, required: true, autocomplete: "off", spellcheck: false });
    this._hint = el("p", { className: "hint" });
    this._error = el("p", { className: "field-error", role: "alert" });
    this._buttons = [
      el("button", { type: "submit", className: "primary" }, submit),
      el("button", { type: "button", className: "secondary", onclick: reject }, WORDS.requests.refuse),
    ];
    this.element = this._form(id);
  }

  /** Which tool asks is known a little later than what it asks. */
  update() {
    const { kind, tool, expiresAt } = this._request;
    const what = this._isForWallet ? this._words.title : kind;
    setText(this._hint, WORDS.requests.asked(what, tool || WORDS.requests.aTool, timeOfDay(expiresAt)));
  }

  _form(id) {
    const { request } = this._request;
    const title = (this._isForWallet && (request.label || request.description)) || this._words.title;
    const heading = el("h3", { id: `${id}-title` }, icon("wallet"), title);
    const submitted = (event) => {
      event.preventDefault();
      this._send(this._result());
    };
    return el(
      "form",
      { className: "request", "aria-labelledby": heading.id, onsubmit: submitted },
      heading,
      this._hint,
      this._isForWallet ? fieldList(request) : requestBody(request),
      el("label", { htmlFor: id }, this._words.label),
      this._input,
      this._error,
      el("div", { className: "buttons" }, ...this._buttons),
    );
  }

  _result() {
    const field = FIELDS[this._request.kind];
    return this._isForWallet ? { status: "success", [field]: this._input.value.trim() } : freeResult(this._input.value);
  }

  async _send(result) {
    this._setDisabled(true);
    setText(this._error, "");
    try {
      await this._actions.reply(this._request.id, result);
    } catch (error) {
      const { what, next } = requestErrorHelp(error);
      setText(this._error, `${what} ${next}`);
      this._setDisabled(false);
    }
  }

  _setDisabled(disabled) {
    for (const button of this._buttons) button.disabled = disabled;
  }
}

function fieldList(request) {
  const list = el("dl");
  for (const [name, value] of Object.entries(request)) {
    if (name === "label" || name === "description") continue;
    const text = (name === "value" && amountText(value, request.chain_id)) || prettyJson(value);
    list.append(el("dt", {}, name.replaceAll("_", " ")), el("dd", {}, text));
  }
  return list;
}

/** The body of an app's own kind, whatever it is. */
function requestBody(body) {
  return el("pre", { tabIndex: 0, role: "region", "aria-label": WORDS.requests.body }, prettyJson(body));
}

/** The result must be an object: a JSON object as it is, anything else as `answer`. */
function freeResult(text) {
  try {
    const value = JSON.parse(text);
    return value && typeof value === "object" && !Array.isArray(value) ? value : { answer: value };
  } catch {
    return { answer: text };
  }
}
