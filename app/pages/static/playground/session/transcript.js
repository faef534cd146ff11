// The conversation as items in order: the user's messages, replies to tools, and turns.

import { newId } from "../ids.js";
import { Turn } from "./turn.js";

/**
 * Items are {kind: "message" | "tool_reply", id, text, attachments, siblings, sending, runId} and turns. `siblings` are the
 * ids of all messages in this one's place, none if it is the only one; `runId` is the turn of a message that waits at the
 * server, else "". An item stays the same object when the state is loaded again, so that its view stays on the screen.
 */
export class Transcript {
  #items = [];
  #inputs = new Map(); // messages and tool replies by id
  #turns = new Map(); // by run id
  #inputsBefore = new Map(); // run id -> number of messages and tool replies before the turn
  #prompts = new Map(); // run id -> the message that the page knows the turn to answer
  #stored = new Set(); // run ids of turns that the history has, on whichever branch

  get items() {
    return this.#items;
  }

  /** The messages behind `turn`, which wait for its end; without it, those that wait for a turn of another thread. */
  waitingBehind(turn) {
    const index = this.#items.indexOf(turn);
    if (index < 0) return this.#items.filter((item) => item.kind === "message" && item.runId);
    return this.#items.slice(index + 1).filter((item) => item.kind === "message");
  }

  /** Append a message that the server does not have yet. Its id is also its idempotency key. */
  addUnsent(text, attachments) {
    const message = { kind: "message", id: newId(), text, attachments, siblings: [], sending: true, runId: "" };
    this.#inputs.set(message.id, message);
    this.#items = [...this.#items, message];
    return message;
  }

  remove(item) {
    this.#items = this.#items.filter((other) => other !== item);
  }

  /** Take off what follows `item`, and with `isReplaced` the item itself. Returns a function that puts all of it back. */
  cutBehind(item, { isReplaced = false } = {}) {
    const before = this.#items;
    const count = before.indexOf(item) + (isReplaced ? 0 : 1);
    for (const { runId } of before.slice(count)) this.#inputsBefore.delete(runId);
    this.#items = before.slice(0, count);
    return () => {
      this.#items = before;
    };
  }

  /** Forget where turns are that the history does not have: another branch may be shown now. */
  forgetPlaces() {
    for (const [runId, turn] of this.#turns) if (!turn.open) this.#inputsBefore.delete(runId);
  }

  /** Forget the turn of a reply, unless it runs: it is made again of all its messages. */
  forgetTurnOf(reply) {
    const runId = runOf(reply);
    if (!this.#turns.get(runId)?.open) this.#turns.delete(runId);
  }

  /** Whether the session's last turn can be on the branch that is shown: it is there, or a message has no turn. */
  canHave(runId) {
    return this.#items.at(-1)?.kind !== "turn" || this.#items.some((item) => item.runId === runId);
  }

  /**
   * Begin the turn `runId`, or begin it again for a replay. It follows its `message`; where that is unknown, the first
   * message without a turn while the session `isProcessing`, else the last one. Returns {turn, isGuess}.
   */
  beginTurn(runId, message, isProcessing) {
    const previous = this.#turns.get(runId);
    const items = this.#items.filter((item) => item !== previous);
    const guess = isProcessing ? firstWithoutTurn(items) : countInputs(items);
    const ownPlace = message && countInputs(items.slice(0, items.indexOf(message) + 1));
    const turn = new Turn(runId, previous);
    this.#turns.set(runId, turn);
    if (message) this.#prompts.set(runId, message);
    this.#inputsBefore.set(runId, this.#inputsBefore.get(runId) || ownPlace || guess);
    this.#insert(items, turn);
    this.#items = items;
    return { turn, isGuess: !previous && !message && countInputs(items) > guess };
  }

  /** Set the result of a call of an earlier turn: the turn that goes on has it. */
  setEarlierResult(event, turn) {
    if (!turn.call(event.call_id)) this.#findCall(event.call_id)?.setResult(event, null);
  }

  /** The message, or reply to a tool, whose turn made a call; null if it is unknown. */
  promptOf(callId) {
    const index = this.#items.findLastIndex((item) => item.kind === "turn" && item.call(callId));
    return this.#items.slice(0, Math.max(index, 0)).findLast((item) => item.kind !== "turn") ?? null;
  }

  /** Add a later result of a multi-step tool. */
  addStep(event, at) {
    this.#findCall(event.call_id)?.addStep(event, at);
  }

  /** Remove a message that was taken back, and its turn if that was already shown. */
  withdraw(runId) {
    this.#inputsBefore.delete(runId);
    this.#items = this.#items.filter((item) => item.runId !== runId);
  }

  /** Whether a turn, or a message that waits, is known. */
  knows(runId) {
    return this.#turns.has(runId) || this.#items.some((item) => item.runId === runId);
  }

  /** Take over `messages` and `waiting` of /api/state. Messages that are still being sent stay at the end. */
  load(messages, waiting) {
    const items = [];
    const rebuilt = new Set(); // turns made of these messages; the others have all of their events already
    for (const message of messages) {
      if (message.role === "tool") continue;
      if (message.role === "assistant") this.#loadReply(items, message, rebuilt);
      else items.push(this.#input(message));
    }
    this.#movePlaces(countInputsBefore(items, this.#firstInput) - countInputsBefore(this.#items, this.#firstInput));
    for (const turn of this.#turns.values()) {
      const prompt = this.#prompts.get(turn.runId);
      const isElsewhere = prompt && !prompt.sending && !items.includes(prompt); // on another branch, or further back
      const isUnstored = !this.#stored.has(turn.runId) && !isElsewhere;
      // a turn without a message, such as one that failed at once, keeps its place
      if (isUnstored && !items.includes(turn) && this.#inputsBefore.get(turn.runId)) this.#insert(items, turn);
    }
    this.#loadSteps(messages);
    setWaiting(items, waiting);
    this.#items = [...items, ...this.#items.filter((item) => item.sending && !items.includes(item))];
  }

  /** The first message on the screen that the server has. */
  get #firstInput() {
    return this.#items.find((item) => item.kind !== "turn" && !item.sending);
  }

  /** There are so many more messages before the turns that the history does not have. */
  #movePlaces(more) {
    for (const [runId, count] of this.#inputsBefore) {
      if (!this.#stored.has(runId)) this.#inputsBefore.set(runId, count + more);
    }
  }

  #input({ id, role, content, attachments = [], siblings = [] }) {
    if (!this.#inputs.has(id)) {
      const kind = role === "system" ? "tool_reply" : "message";
      this.#inputs.set(id, { kind, id, text: content, attachments, sending: false, runId: "" });
    }
    return Object.assign(this.#inputs.get(id), { siblings });
  }

  #loadReply(items, message, rebuilt) {
    const runId = runOf(message);
    if (!this.#turns.has(runId)) {
      this.#turns.set(runId, new Turn(runId));
      rebuilt.add(runId);
    }
    const turn = this.#turns.get(runId);
    this.#stored.add(runId);
    if (!items.includes(turn) || message.siblings) turn.setPlace(message);
    if (!items.includes(turn)) {
      this.#inputsBefore.set(runId, countInputs(items));
      items.push(turn);
    }
    turn.setRating(message);
    turn.setFacts(message);
    if (rebuilt.has(runId)) turn.applyMessage(message);
    else if (turn.end) turn.applyResults(message); // a call that waited may have got its result in another turn
  }

  #loadSteps(messages) {
    for (const call of this.#calls()) call.clearSteps();
    for (const message of messages.filter(({ role }) => role === "tool")) {
      for (const result of message.tool_results ?? []) this.addStep(result, new Date(message.created_at));
    }
  }

  #calls() {
    return [...this.#turns.values()].flatMap((turn) => turn.calls);
  }

  #findCall(id) {
    return this.#calls().findLast((call) => call.id === id);
  }

  /** Insert a turn into `items`, after as many messages as come before it and any turns there. */
  #insert(items, turn) {
    const before = this.#inputsBefore.get(turn.runId);
    let index = 0;
    for (let inputs = 0; index < items.length && inputs < before; index++) if (items[index].kind !== "turn") inputs++;
    while (items[index]?.kind === "turn") index++;
    items.splice(index, 0, turn);
  }
}

function runOf(reply) {
  return reply.id.slice(0, reply.id.lastIndexOf("-"));
}

function countInputsBefore(items, item) {
  return countInputs(items.slice(0, Math.max(items.indexOf(item), 0)));
}

function countInputs(items) {
  return items.filter((item) => item.kind !== "turn").length;
}

/** Set the turns of the messages that wait: they are the last ones. Of those in `waiting`, regenerations have none. */
function setWaiting(items, waiting) {
  const left = [...waiting];
  for (const message of items.filter((item) => item.kind === "message").reverse()) {
    while (left.length && left.at(-1).text !== message.text) left.pop();
    message.runId = left.pop()?.run_id ?? "";
  }
}

/** The number of messages up to and including the first one without a turn. */
function firstWithoutTurn(items) {
  const lastTurn = items.findLastIndex((item) => item.kind === "turn");
  return Math.min(countInputs(items), countInputs(items.slice(0, lastTurn + 1)) + 1);
}
