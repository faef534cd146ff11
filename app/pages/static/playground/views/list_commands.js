// The user's commands for the conversations in the list, and for their threads.

import { WORDS } from "../words.js";
import { isDeletionConfirmed } from "./delete_dialog.js";
import { announce } from "./notices.js";

export class ListCommands {
  /**
   * `parts`: `api`; `session()` is the open session; `go(id, words, threadId)` shows one; `withErrors(action)` shows the
   * errors of requests; `changed()` tells that the list has changed.
   */
  constructor(parts) {
    this._parts = parts;
  }

  /** Show a conversation, and lead to a message of the thread that has these words; '' is the newest thread. */
  open(id, words, threadId) {
    this._parts.go(id, words, threadId);
  }

  rename(id, title) {
    return this._change((api) => api.renameSession(id, title));
  }

  archive(id, isArchived) {
    return this._change((api) => api.archiveSession(id, isArchived));
  }

  async remove(id, title) {
    const { session, go } = this._parts;
    if (!(await isDeletionConfirmed(title))) return;
    if (id === session().id) go("");
    await this._change((api) => api.deleteSession(id));
    announce(WORDS.list.deleted);
  }

  /** Show a thread of the open session. */
  openThread(threadId) {
    const { session, go } = this._parts;
    go(session().id, [], threadId);
  }

  async newThread() {
    const { session, withErrors } = this._parts;
    const threadId = await withErrors(() => session().threads.open());
    if (threadId) this.openThread(threadId);
  }

  async removeThread(threadId, title) {
    const { session, go, withErrors } = this._parts;
    if (!(await isDeletionConfirmed(title))) return;
    await withErrors(() => session().threads.remove(threadId));
    go(session().id);
    announce(WORDS.list.deleted);
  }

  async _change(request) {
    const { api, withErrors, changed } = this._parts;
    await withErrors(() => request(api));
    changed();
  }
}
