// The search in the texts of the listed conversations. Texts that are not here yet are loaded, a few at a time.

import { ConversationTexts } from "./conversation_texts.js";

const DELAY = 300; // milliseconds without another key
const MIN_LENGTH = 2; // characters
const AT_A_TIME = 4; // conversations
const MAX_TIME = 60_000; // milliseconds of one search
const MAX_FAILURES = 3; // conversations: then the search gives up
const NOT_FOUND = 404;

export const MAX_CONVERSATIONS = 100; // of one search, the newest ones

export class TextSearch {
  #texts;
  #changed;
  #sessions = [];
  #words = [];
  #found = new Map(); // by session id
  #missed = new Map(); // versions that could not be loaded, by session id
  #run = null; // the loading for these words: {queue, controller, timer, failures}

  /** `changed()` runs when more was found, and when the search is over. */
  constructor(api, changed) {
    this.#texts = new ConversationTexts(api);
    this.#changed = changed;
  }

  /** Whether texts are still being loaded. */
  get isRunning() {
    return Boolean(this.#run);
  }

  /** Whether conversations could not be loaded. */
  get hasMissed() {
    return this.#missed.size > 0;
  }

  /** Whether the list has more conversations than are searched. */
  get isCut() {
    return this.#sessions.length > MAX_CONVERSATIONS;
  }

  /** Search for other `words` (in lower case), none to end the search. */
  searchFor(words) {
    this.#words = words;
    this.#missed.clear();
    this.#begin();
  }

  /** Search in these conversations: the list as the API has it. */
  searchIn(sessions) {
    this.#sessions = sessions;
    this.#texts.keepOnly(sessions);
    this.#begin();
  }

  /** Where a conversation has the words: {threadId, snippet}, null if it has not, as far as is known. */
  find(id) {
    return this.#found.get(id) ?? null;
  }

  #begin() {
    this.#cancel();
    this.#found.clear();
    if (!this.#words.length) return;
    for (const { session_id: id } of this.#sessions) this.#match(id);
    const queue = this.#words.join(" ").length < MIN_LENGTH ? [] : this.#sessions.slice(0, MAX_CONVERSATIONS);
    const run = { queue: queue.filter((one) => this.#isDue(one)), controller: new AbortController(), failures: 0 };
    if (!run.queue.length) return;
    run.timer = setTimeout(() => this.#loadAll(run), DELAY);
    this.#run = run;
  }

  #cancel() {
    clearTimeout(this.#run?.timer);
    this.#run?.controller.abort();
    this.#run = null;
  }

  #isDue(session) {
    return !this.#texts.has(session) && this.#missed.get(session.session_id) !== session.last_event_id;
  }

  /** Whether a conversation has the words, as far as it is loaded. */
  #match(id) {
    const found = this.#texts.find(id, this.#words);
    if (found) this.#found.set(id, found);
    return Boolean(found);
  }

  async #loadAll(run) {
    run.timer = setTimeout(() => run.controller.abort(), MAX_TIME);
    await Promise.all(Array.from({ length: AT_A_TIME }, () => this.#loadSome(run)));
    if (this.#run !== run) return; // another search has begun
    for (const session of run.queue) this.#miss(session);
    this.#cancel();
    this.#changed();
  }

  /** Load one conversation after the other, until none is left, or the search is over. */
  async #loadSome(run) {
    const isOver = () => run.controller.signal.aborted || run.failures >= MAX_FAILURES;
    while (run.queue.length && !isOver()) await this.#load(run.queue.shift(), run);
  }

  async #load(session, run) {
    try {
      await this.#texts.load(session, run.controller.signal);
    } catch (error) {
      if (this.#run !== run || error.status === NOT_FOUND) return; // not searched any more, or deleted
      run.failures++;
      this.#miss(session);
    }
    if (this.#run === run && this.#match(session.session_id)) this.#changed();
  }

  #miss({ session_id: id, last_event_id: version }) {
    this.#missed.set(id, version);
  }
}
