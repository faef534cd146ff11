// The texts of conversations, for the search in them: loaded through the API, and kept.

const MAX_PAGES = 5; // of a conversation, its newest messages
const MAX_LENGTH = 100_000; // characters of a conversation
const MAX_KEPT = 10_000_000; // characters of all
const SNIPPET = 100; // characters, from what was found

export class ConversationTexts {
  #api;
  #kept = new Map(); // by session id, the one loaded last at the end: {version, messages, length}
  #length = 0;

  constructor(api) {
    this.#api = api;
  }

  /** Whether a conversation of the list is kept as it is now. */
  has({ session_id: id, last_event_id: version }) {
    return this.#kept.get(id)?.version === version;
  }

  /** Load the newest messages of a conversation. Those loaded first make room for it. */
  async load({ session_id: id, last_event_id: version }, signal) {
    const messages = await newestMessages(this.#api, id, signal);
    const length = messages.reduce((sum, { text }) => sum + text.length, 0);
    this.#drop(id);
    this.#kept.set(id, { version, messages, length });
    this.#length += length;
    while (this.#length > MAX_KEPT) this.#drop(this.#kept.keys().next().value);
  }

  /** Keep only conversations that are in the list. */
  keepOnly(sessions) {
    const listed = new Set(sessions.map(({ session_id: id }) => id));
    for (const id of [...this.#kept.keys()]) if (!listed.has(id)) this.#drop(id);
  }

  /**
   * The newest message of a conversation that has all `words` (in lower case): {threadId, snippet}, from the first of them
   * on; `threadId` is '' for the newest thread. Null if there is none.
   */
  find(id, words) {
    const has = ({ text }) => {
      const lower = text.toLowerCase();
      return words.every((word) => lower.includes(word));
    };
    const found = this.#kept.get(id)?.messages.find(has);
    return found ? { threadId: found.threadId, snippet: snippetOf(found.text, words[0]) } : null;
  }

  #drop(id) {
    this.#length -= this.#kept.get(id)?.length ?? 0;
    this.#kept.delete(id);
  }
}

function snippetOf(text, word) {
  const start = text.toLowerCase().indexOf(word);
  return `${start ? "…" : ""}${text.slice(start, start + SNIPPET).replace(/\s+/g, " ")}`;
}

/** Messages {threadId, text}, the newest first. */
async function newestMessages(api, id, signal) {
  const messages = [];
  let pages = 0;
  let room = MAX_LENGTH;
  for await (const message of messagesOf(api, id, signal, () => ++pages > MAX_PAGES)) {
    messages.push({ ...message, text: message.text.slice(0, room) });
    room -= message.text.length;
    if (room <= 0) break;
  }
  return messages;
}

/** All messages {threadId, text} of all threads, the newest first, until `isEnough()`, asked before each page. */
async function* messagesOf(api, id, signal, isEnough) {
  const { threads } = await api.session(id, signal);
  for (const [index, thread] of threads.reverse().entries()) {
    for (let before, more = true; more; ) {
      if (isEnough()) return;
      const page = await api.texts(id, thread.id, before, signal);
      [before, more] = [page.messages[0]?.id, page.has_more];
      const spoken = page.messages.reverse().filter(({ role, content }) => role !== "tool" && content);
      yield* spoken.map(({ content }) => ({ threadId: index ? thread.id : "", text: content }));
    }
  }
}
