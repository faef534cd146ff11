// Examples of what to ask, on cards in an empty conversation: those that aomi.yaml has for the session's app.

import { el } from "./dom.js";

export class Examples {
  /** `load(sessionId)` resolves to the examples of a session's app; `send(text)` sends one. */
  constructor(root, { load, send }) {
    Object.assign(this, { _root: root, _load: load, _send: send });
    this._shownFor = null; // the session and app that the cards are for
  }

  async show({ exists, id, fields: { app } }) {
    const wanted = `${exists && id} ${app}`;
    if (this._shownFor === wanted) return;
    this._shownFor = wanted;
    const examples = await this._load(exists ? id : undefined).catch(() => []);
    if (this._shownFor === wanted) this._root.replaceChildren(...examples.map((example) => this._card(example)));
  }

  _card({ title, text }) {
    const button = el("button", { type: "button", onclick: () => this._send(text) });
    if (title) button.append(el("b", {}, title));
    button.append(el("span", {}, text));
    return button;
  }
}
