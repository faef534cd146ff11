// The user's commands for messages, and the page's words about them.

import { WORDS } from "../words.js";
import { announce, clearNotices, showError, showNotice } from "./notices.js";

const CONFLICT = 409;

export class MessageCommands {
  /**
   * `parts`: `session()` is the open session; `composer`, `drafts`, `scroller`; `draw()` draws at once; `enterKey()` leads to the
   * field for the API key.
   */
  constructor(parts) {
    this._parts = parts;
  }

  /** Send a message. Its text and its attachments go back into the box of its conversation if that fails. */
  async send(text, attachments = this._session.drafts.take()) {
    const session = this._session;
    clearNotices();
    this._parts.scroller.toEnd();
    try {
      await session.messages.send(text, attachments);
    } catch (error) {
      this._parts.drafts.putBack(session, text, attachments);
      if (session.id === this._session.id) this._refused(error);
      else this._refusedElsewhere(error, session.fields.title);
    }
  }

  /** Have a message answered again. */
  regenerate(message) {
    this._parts.composer.focus();
    return this._try(() => this._session.messages.regenerate(message));
  }

  /** Put another text in the place of a message. Whether that was accepted. */
  async edit(message, text) {
    const isAccepted = await this._try(() => this._session.messages.edit(message, text));
    if (isAccepted) this._parts.composer.focus();
    return isAccepted;
  }

  /** Show another version of a message, the `number`-th of its `siblings`. */
  async choose(siblings, number) {
    const isChosen = await this._try(() => this._session.messages.choose(siblings[number - 1]));
    if (!isChosen) return;
    this._parts.draw();
    announce(WORDS.messages.version(number, siblings.length));
  }

  /** Rate the reply of a turn `up` or `down`; the rating that it has is taken back. */
  async rate(turn, rating) {
    const wanted = turn.rating === rating ? "" : rating;
    if (await this._try(() => this._session.messages.rate(turn, wanted))) announce(wanted ? WORDS.turns.rated : WORDS.turns.unrated);
  }

  /** Take back a message that waits; it goes back into the message box if that is empty. */
  async withdraw(message) {
    const session = this._session;
    if (await this._isWithdrawn(message)) this._restore(session, message);
  }

  /** Take back a regeneration that waits. */
  async withdrawRegeneration(runId) {
    if (await this._isWithdrawn({ runId })) this._parts.composer.focus();
  }

  /** Attach files to the next message. */
  attach(files) {
    clearNotices();
    const left = this._session.drafts.add(files).map(({ name }) => name);
    if (left.length) showNotice(WORDS.files.tooMany(left));
    this._parts.composer.focus();
  }

  detach(file) {
    clearNotices();
    this._session.drafts.remove(file);
  }

  get _session() {
    return this._parts.session();
  }

  async _isWithdrawn(message) {
    clearNotices();
    try {
      await this._session.messages.withdraw(message);
    } catch (error) {
      if (error.status === CONFLICT) showNotice(WORDS.messages.hasBegun);
      else this._refused(error);
      return false;
    }
    announce(WORDS.messages.withdrawn);
    return true;
  }

  /** Do something that the server may refuse. Whether it was done. */
  async _try(action) {
    clearNotices();
    try {
      await action();
      return true;
    } catch (error) {
      this._parts.draw(); // as it was before
      this._refused(error);
      return false;
    }
  }

  _restore(session, { text, attachments }) {
    const { composer, drafts } = this._parts;
    const isOpen = session.id === this._session.id;
    if (!isOpen || composer.isEmpty) return drafts.putBack(session, text, attachments);
    showNotice(WORDS.messages.withdrawnText(text));
    composer.focus();
  }

  _refusedElsewhere(error, title) {
    if (!("status" in error)) throw error;
    const { notSent, notSentInNew } = WORDS.messages;
    showNotice(title ? notSent(title, error.message) : notSentInNew(error.message));
  }

  /** Show an error of a request; others are thrown. */
  _refused(error) {
    if (!("status" in error)) throw error;
    showError(error, this._parts.enterKey);
  }
}
