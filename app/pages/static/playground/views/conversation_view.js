// Shows the transcript of a session: messages, replies to tools, and turns.

import { setChildren } from "./dom.js";
import { MessageView, ToolReplyView } from "./message_view.js";
import { TurnView } from "./turn_view.js";

const VIEWS = { message: MessageView, tool_reply: ToolReplyView, turn: TurnView };

export class ConversationView {
  /**
   * `actions`: `withdraw(message)`, `regenerate(message)`, `edit(message, text)` and `choose(siblings, number)`, as in
   * MessageCommands.
   */
  constructor(root, actions) {
    this._root = root;
    this._actions = actions;
    this._views = new WeakMap(); // by item
  }

  show(session) {
    const waiting = new Set(session.waiting);
    const views = session.items.map((item) => this._view(item, session.files));
    let prompt = null; // what a turn answers
    session.items.forEach((item, index) => {
      if (item.kind !== "turn") prompt = item;
      views[index].update({ isWaiting: waiting.has(item), isBusy: session.busy, prompt });
    });
    const { activeElement } = document; // a button of a version that is no longer shown loses the focus
    setChildren(this._root, views.map((view) => view.element));
    if (activeElement?.closest(".versions") && !activeElement.isConnected) this._focusSame(activeElement);
  }

  /** Give the focus to the same button of the version that is shown now, or to its neighbour. */
  _focusSame(button) {
    const { of } = button.closest(".versions").dataset;
    const versions = [...this._root.querySelectorAll(".versions")].find(({ dataset }) => dataset.of === of);
    const enabled = [...(versions?.querySelectorAll("button:enabled") ?? [])];
    (enabled.find(({ title }) => title === button.title) ?? enabled[0])?.focus();
  }

  _view(item, files) {
    if (!this._views.has(item)) this._views.set(item, new VIEWS[item.kind](item, this._actions, files));
    return this._views.get(item);
  }
}
