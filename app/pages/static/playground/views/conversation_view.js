// Shows the transcript of a session: messages, replies to tools, and turns.

import { setChildren } from "./dom.js";
import { MessageView, ToolReplyView } from "./message_view.js";
import { TurnView } from "./turn_view.js";

const VIEWS = { message: MessageView, tool_reply: ToolReplyView, turn: TurnView };

export class ConversationView {
  /** `actions.sendAgain(message)` sends a message once more, `actions.withdraw(message)` takes one back that waits. */
  constructor(root, actions) {
    this._root = root;
    this._actions = actions;
    this._views = new WeakMap(); // by item
  }

  show(session) {
    const waiting = new Set(session.waiting);
    const views = session.items.map((item) => this._view(item, session.files));
    let lastMessage = null;
    session.items.forEach((item, index) => {
      if (item.kind === "message") lastMessage = item;
      views[index].update({ isWaiting: waiting.has(item), lastMessage });
    });
    setChildren(this._root, views.map((view) => view.element));
  }

  _view(item, files) {
    if (!this._views.has(item)) this._views.set(item, new VIEWS[item.kind](item, this._actions, files));
    return this._views.get(item);
  }
}
