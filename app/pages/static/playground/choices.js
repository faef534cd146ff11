// App, model and key.

import { ofRequest } from "./advice.js";
import { el, say } from "./dom.js";

const DEFAULT = { id: "default", name: "Default" };

export class Choices {
  /** `actions.choose(what, value)` sets the session's app or model; `actions.key(value)` the API key. */
  constructor({ app, model, key, keyHint }, api, actions) {
    Object.assign(this, { _app: app, _model: model, _key: key, _keyHint: keyHint, _api: api });
    this._modelsOf = null;
    app.addEventListener("change", () => actions.choose("app", app.value));
    model.addEventListener("change", () => actions.choose("model", model.value));
    key.form.addEventListener("submit", (event) => {
      event.preventDefault();
      actions.key(key.value.trim());
    });
    key.addEventListener("change", () => actions.key(key.value.trim()));
  }

  /** Load the apps that the key opens. */
  async loadApps() {
    this._apps = [DEFAULT];
    say(this._keyHint, "Opens apps other than the default one. Kept in this tab alone.");
    this._key.removeAttribute("aria-invalid");
    if (!this._api.key) return;
    try {
      this._apps = await this._api.apps();
      say(this._keyHint, `This key opens ${this._apps.length === 1 ? "one app" : `${this._apps.length} apps`}.`);
    } catch (error) {
      this._key.setAttribute("aria-invalid", "true");
      const { what, next } = ofRequest(error);
      say(this._keyHint, error.status === 401 ? `${what}. Check it, or make one with: aomi keys create` : `${what} ${next}`);
    }
  }

  /** Show what the session uses. */
  async show(session) {
    const apps = this._apps ?? [DEFAULT];
    const known = apps.some(({ id }) => id === session.app) ? apps : [...apps, { id: session.app, name: session.app }];
    options(this._app, known, session.app);
    const of = `${session.exists && session.id} ${session.app}`;
    if (this._modelsOf !== of) {
      this._modelsOf = of;
      this._models = await this._api.models(session.exists ? session.id : undefined).catch(() => []);
    }
    const models = this._models ?? [];
    const offered = models.some(({ id }) => id === session.model) || !session.model;
    options(this._model, offered ? models : [{ id: session.model, name: session.model }, ...models], session.model);
  }

  focusKey() {
    this._key.focus();
  }
}

function options(select, choices, value) {
  const wanted = JSON.stringify(choices);
  if (select.dataset.choices !== wanted) {
    select.replaceChildren(...choices.map(({ id, name }) => el("option", { value: id }, name)));
    select.dataset.choices = wanted;
  }
  if (value && document.activeElement !== select) select.value = value;
  if (value && select.value !== value) select.value = value;
}
