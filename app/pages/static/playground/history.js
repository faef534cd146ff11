// The messages of /api/state as items to show: what the person said, and the turns between.

import { Turn } from "./turn.js";

/**
 * The items of `messages`. `said` (by id) and `turns` (by run id) are the items known so far: they are used again,
 * so that what is on the screen stays, and new ones join them.
 */
export function itemsOf(messages, said, turns) {
  const items = [];
  for (const message of messages) {
    if (message.role === "tool") continue;
    if (message.role === "assistant") addTurn(items, message, turns);
    else items.push(known(said, message));
  }
  for (const turn of turns.values()) turn.reading = false;
  placeTheRest(items, turns);
  readSteps(messages, turns);
  return items;
}

function known(said, message) {
  if (!said.has(message.id)) {
    const kind = message.role === "system" ? "note" : "said";
    said.set(message.id, { kind, key: message.id, text: message.content });
  }
  return said.get(message.id);
}

function addTurn(items, message, turns) {
  const runId = message.id.slice(0, message.id.lastIndexOf("-"));
  const isNew = !turns.has(runId);
  if (isNew) turns.set(runId, new Turn(runId));
  const turn = turns.get(runId);
  if (!items.includes(turn)) {
    turn.place = count(items);
    items.push(turn);
  }
  if (isNew || turn.reading) {
    turn.reading = true;
    turn.read(message);
  }
}

/** Turns without a message of their own yet, such as one that failed at once, stand where they stood. */
function placeTheRest(items, turns) {
  for (const turn of turns.values()) {
    if (items.includes(turn) || !turn.place) continue;
    insert(items, turn);
  }
}

function readSteps(messages, turns) {
  const calls = [...turns.values()].flatMap((turn) => turn.calls);
  for (const call of calls) call.steps = [];
  for (const message of messages.filter(({ role }) => role === "tool")) {
    for (const result of message.tool_results ?? []) {
      calls.findLast((call) => call.id === result.call_id)?.step(result, new Date(message.created_at));
    }
  }
}

/** Put a turn behind as many messages of the person as its `place` says. */
export function insert(items, turn) {
  let at = 0;
  for (let seen = 0; at < items.length && seen < turn.place; at++) if (items[at].kind !== "turn") seen++;
  while (items[at]?.kind === "turn") at++;
  items.splice(at, 0, turn);
}

/** How many messages of the person there are. */
export function count(items) {
  return items.filter((item) => item.kind !== "turn").length;
}

/** Where a turn begins of which no message is there yet: behind the first message that nobody has answered. */
export function openPlace(items) {
  const lastTurn = items.findLastIndex((item) => item.kind === "turn");
  return Math.min(count(items), count(items.slice(0, lastTurn + 1)) + 1);
}
