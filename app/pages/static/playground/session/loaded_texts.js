// The texts of the conversations that this tab has shown, for the search in them.

const MAX_SESSIONS = 50;
const MAX_LENGTH = 500_000; // characters of a conversation, the newest ones
const SNIPPET = 100; // characters, from what was found

export class LoadedTexts {
  #texts = new Map(); // by session id, the one shown last at the end

  /** Take over what a session shows. */
  keep({ id, items }) {
    this.#texts.delete(id);
    const text = items.map((item) => item.text).filter(Boolean).join("\n");
    if (text) this.#texts.set(id, text.slice(-MAX_LENGTH));
    if (this.#texts.size > MAX_SESSIONS) this.#texts.delete(this.#texts.keys().next().value);
  }

  /** A conversation that has all `words` (in lower case), from the first of them on; '' if it does not have all. */
  find(id, words) {
    const text = this.#texts.get(id) ?? "";
    const lower = text.toLowerCase();
    if (!words.length || !words.every((word) => lower.includes(word))) return "";
    const start = lower.indexOf(words[0]);
    return `${start ? "…" : ""}${text.slice(start, start + SNIPPET).replace(/\s+/g, " ")}`;
  }
}
