// Shows the transcript of a session: messages, replies to tools, and turns.

import { setChildren } from "./dom.js";
import { MessageView, ToolReplyView } from "./message_view.js";
import { TurnView } from "./turn_view.js";

const LIT_MS = 1500; // how long a message that was looked for is lit
const MAX_PAGES = 10; // of older messages that are loaded for it

const VIEWS = { message: MessageView, tool_reply: ToolReplyView, turn: TurnView };

export class ConversationView {
  /**
   * `actions`: `withdraw(message)`, `regenerate(message)`, `edit(message, text)`, `choose(siblings, number)` and
   * `rate(turn, rating)`, as in MessageCommands.
   */
  constructor(root, actions) {
    this._root = root;
    this._actions = actions;
    this._views = new WeakMap(); // by item
    this._lost = null; // the focus that the last drawing could not keep
  }

  /** `isFollowed`: the end of the conversation is in view, and is brought there again once this is drawn. */
  show(session, isFollowed) {
    const waiting = new Set(session.waiting);
    const focused = this._focusedVersion();
    const views = session.items.map((item) => this._view(item, session.files));
    const openCalls = new Set(session.openCalls.map(({ callId }) => callId));
    let prompt = null; // what a turn answers
    session.items.forEach((item, index) => {
      if (item.kind !== "turn") prompt = item;
      const goesOn = session.items[index + 1]?.kind === "turn";
      views[index].update({ isWaiting: waiting.has(item), isBusy: session.busy, prompt, openCalls, goesOn, isFollowed });
    });
    setChildren(this._root, views.map((view) => view.element));
    if (focused) this._focusSame(focused);
  }

  /**
   * Lead to the last message that has all `words` (in lower case). Whether there are words, and a message that has them.
   * `loadOlder()` loads a page of older messages, and resolves to whether it did; `draw()` draws what is loaded.
   */
  async leadTo(words, loadOlder, draw) {
    for (let pages = 0; pages <= MAX_PAGES; pages++) {
      draw();
      if (!words.length) return false;
      if (this._lead(words)) return true;
      if (!(await loadOlder())) return false;
    }
    return false;
  }

  _lead(words) {
    const has = (element) => words.every((word) => element.textContent.toLowerCase().includes(word));
    const found = [...this._root.children].findLast(has);
    found?.scrollIntoView({ block: "center" });
    found?.animate([{ background: "var(--tint)" }, {}], LIT_MS);
    return Boolean(found);
  }

  /** The button of a version that has the focus, or had it before the last drawing: {of, title}. */
  _focusedVersion() {
    const { activeElement } = document;
    const versions = activeElement?.closest(".versions");
    if (versions) return { of: versions.dataset.of, title: activeElement.title };
    return activeElement === document.body ? this._lost : null;
  }

  /** Give the focus to the same button of the version that is shown now, or to its neighbour: a button loses it when it
   * is removed, hidden or disabled. Where there is none, as while versions are loaded, the next drawing tries again. */
  _focusSame(focused) {
    const versions = [...this._root.querySelectorAll(".versions")].find(({ dataset }) => dataset.of === focused.of);
    const enabled = [...(versions?.querySelectorAll("button:enabled") ?? [])];
    const button = enabled.find(({ title }) => title === focused.title) ?? enabled[0];
    this._lost = button ? null : focused;
    if (button !== document.activeElement) button?.focus();
  }

  _view(item, files) {
    if (!this._views.has(item)) this._views.set(item, new VIEWS[item.kind](item, this._actions, files));
    return this._views.get(item);
  }
}
