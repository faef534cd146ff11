// What tools ask of the client: docs/wallets.md.

const KINDS = { pending_txs: "wallet_tx_request", pending_eip712s: "wallet_eip712_request" };

/** The open requests of a user state, by id; those `known` keep what the user state does not tell. */
export function requestsOf(userState, known) {
  const found = new Map();
  for (const name of ["pending_txs", "pending_eip712s", "pending_requests"]) {
    for (const [id, request] of Object.entries(userState[name] ?? {})) {
      const told = { id: Number(id), kind: KINDS[name] ?? "client_request", request };
      found.set(told.id, known.get(told.id) ?? told);
    }
  }
  return new Map([...found].sort(([one], [other]) => one - other));
}

/** A request has been announced. */
export function addRequest(session, { id, kind, request, expires_at }) {
  session.requests.set(id, { id, kind, request, expiresAt: new Date(expires_at) });
}
