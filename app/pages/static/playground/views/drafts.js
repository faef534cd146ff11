// What is written and attached in each conversation and not sent yet. The texts outlast a reload of the page in its tab.

const STORED = "aomi.drafts"; // in sessionStorage: pairs of a conversation's key and its text
const MAX_TEXTS = 50;
const NEW = ""; // the key of a new conversation, which nothing else leads to

export class Drafts {
  #composer;
  #texts = new Map(JSON.parse(sessionStorage[STORED] ?? "[]"));
  #files = new Map(); // by key
  #session = null; // the one that is open
  #isNew = false;

  constructor(composer) {
    this.#composer = composer;
    addEventListener("pagehide", () => this.#keepText());
  }

  /** Show the draft of a session that is opened, and keep that of the one before. */
  open(session, isNew) {
    if (this.#session) this.#keep();
    [this.#session, this.#isNew] = [session, isNew];
    this.#composer.text = this.#texts.get(this.#key) ?? "";
    session.drafts.putBack(this.#files.get(this.#key) ?? []);
  }

  /** Put what could not be sent back into the message box of its session, before what was written there since. */
  putBack(session, text, files) {
    if (session.id === this.#session.id) {
      this.#composer.text = joined(text, this.#composer.text);
      this.#composer.focus();
      return this.#session.drafts.putBack(files);
    }
    const key = session.exists ? session.id : NEW;
    this.#setText(key, joined(text, this.#texts.get(key)));
    this.#files.set(key, [...files, ...(this.#files.get(key) ?? [])]);
  }

  get #key() {
    return this.#isNew && !this.#session.exists ? NEW : this.#session.id;
  }

  #keep() {
    this.#keepText();
    this.#files.set(this.#key, this.#session.drafts.take());
  }

  #keepText() {
    if (this.#isNew) this.#texts.delete(NEW); // it may have become a session since
    this.#setText(this.#key, this.#composer.text);
  }

  #setText(key, text) {
    this.#texts.delete(key);
    if (text) this.#texts.set(key, text);
    const newest = [...this.#texts].slice(-MAX_TEXTS);
    try {
      sessionStorage[STORED] = JSON.stringify(newest);
    } catch {
      // too much for the storage: it lasts until the reload only
    }
  }
}

function joined(text, behind) {
  return [text, behind].filter(Boolean).join("\n");
}
