// What a session does at each event of /api/updates.

import { addRequest, requestsOf } from "./requests.js";

/** By type: (session, event). */
export const UPDATES = {
  state(session, event) {
    for (const name of ["title", "app", "model"]) if (event[name] !== undefined) session[name] = event[name];
    if (event.is_archived !== undefined) session.archived = event.is_archived;
    if (event.user_state) session.requests = requestsOf(event.user_state, session.requests);
    if (!session.turn?.stopping) session.status = event.status;
    if (event.is_processing && !session.turn) session.later();
    if (event.is_archived !== undefined || event.run_id) session.tell("listed");
  },
  title_changed(session, event) {
    if (!event.thread_id) session.title = event.title;
    session.tell("listed");
  },
  model_changed(session, event) {
    session.model = event.model;
  },
  async_tool_result(session, event) {
    const calls = [...session.turns.values()].flatMap((turn) => turn.calls);
    calls.findLast((call) => call.id === event.call_id)?.step(event, new Date());
  },
  wallet_tx_request: addRequest,
  wallet_eip712_request: addRequest,
  client_request: addRequest,
  client_request_closed(session, event) {
    for (const id of event.ids) session.requests.delete(id);
    if (event.outcome === "expired") session.tell("notice", "A request of a tool has expired: nobody answered it.");
  },
  system_notice(session, event) {
    session.tell(event.message.startsWith("This session was deleted") ? "gone" : "notice", event.message);
  },
  gap(session) {
    session.later();
  },
};
