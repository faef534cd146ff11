// The choice of a session's app and model. Creates the session if the server does not have it yet.

export class SessionSettings {
  #api;
  #sessionId;
  #owner;
  #data;
  #created;
  #choice = null; // the last choice, while it is on its way

  /** `owner` is the public key of sessions created here; `created()` runs after that. */
  constructor(api, sessionId, owner, data, created) {
    this.#api = api;
    this.#sessionId = sessionId;
    this.#owner = owner;
    this.#data = data;
    this.#created = created;
  }

  /** Set `field`, "app" or "model", at the server. Throws the server's refusal; the field is as before then. */
  choose(field, value) {
    const choice = this.#choose(field, value);
    this.#choice = choice.catch(() => {}); // the caller handles the error
    return choice;
  }

  /** Wait for the last choice and make sure that the session exists. Returns its app. */
  async ready() {
    await this.#choice;
    await this.#create();
    return this.#data.fields.app;
  }

  async #choose(field, value) {
    const previous = this.#data.fields[field];
    this.#data.setFields({ [field]: value });
    try {
      const isCreatedWithIt = !this.#data.exists && field === "app";
      await this.#create();
      if (!isCreatedWithIt) await this.#api.control(this.#sessionId, field, { [field]: value });
    } catch (error) {
      this.#data.setFields({ [field]: previous });
      throw error;
    }
  }

  async #create() {
    if (this.#data.exists) return;
    await this.#api.createSession(this.#sessionId, { public_key: this.#owner, app: this.#data.fields.app });
    this.#data.setExists();
    this.#created();
  }
}
