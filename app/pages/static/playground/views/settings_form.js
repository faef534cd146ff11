// App, model and API key.

import { WORDS } from "../words.js";
import { el, setText } from "./dom.js";
import { requestErrorHelp } from "./error_help.js";

const DEFAULT_APP = { id: "default", name: WORDS.settings.defaultApp };

export class SettingsForm {
  /** `actions.choose(field, value)` sets the session's `app` or `model`; `actions.useKey(value)` the API key. */
  constructor({ app, model, key, keyHint }, api, actions) {
    Object.assign(this, { _app: app, _model: model, _key: key, _keyHint: keyHint, _api: api });
    this._apps = [DEFAULT_APP];
    this._models = [];
    this._modelsFor = null; // the session and app that the models were loaded for
    app.addEventListener("change", () => actions.choose("app", app.value));
    model.addEventListener("change", () => actions.choose("model", model.value));
    key.form.addEventListener("submit", (event) => {
      event.preventDefault();
      actions.useKey(key.value.trim());
    });
    key.addEventListener("change", () => actions.useKey(key.value.trim()));
  }

  /** Load the apps that the key gives access to. */
  async loadApps() {
    this._apps = [DEFAULT_APP];
    setText(this._keyHint, WORDS.settings.keyHint);
    this._key.removeAttribute("aria-invalid");
    if (!this._api.key) return;
    try {
      this._apps = await this._api.apps();
      setText(this._keyHint, WORDS.settings.keyOpens(this._apps.length));
    } catch (error) {
      this._showKeyError(error);
    }
  }

  /** Show the app and model of the session. */
  async show(session) {
    const { app } = session.fields;
    setOptions(this._app, withOption(this._apps, app), app);
    await this._loadModels(session);
    const { model } = session.fields; // it may have changed meanwhile
    setOptions(this._model, model ? withOption(this._models, model) : this._models, model);
  }

  focusKey() {
    this._key.focus();
  }

  _showKeyError(error) {
    this._key.setAttribute("aria-invalid", "true");
    const { what, next } = requestErrorHelp(error);
    setText(this._keyHint, error.status === 401 ? WORDS.settings.keyIsWrong(what) : `${what} ${next}`);
  }

  async _loadModels({ exists, id, fields: { app } }) {
    const wanted = `${exists && id} ${app}`;
    if (this._modelsFor === wanted) return;
    this._modelsFor = wanted;
    this._models = await this._api.models(exists ? id : undefined).catch(() => []);
  }
}

/** The options, with one for `id` even if the server does not offer it. */
function withOption(options, id) {
  return options.some((option) => option.id === id) ? options : [...options, { id, name: id }];
}

function setOptions(select, options, value) {
  const wanted = JSON.stringify(options);
  if (select.dataset.options !== wanted) {
    select.replaceChildren(...options.map(({ id, name }) => el("option", { value: id }, name)));
    select.dataset.options = wanted;
  }
  if (value && document.activeElement !== select) select.value = value;
  if (value && select.value !== value) select.value = value;
}
