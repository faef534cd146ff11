// Open client requests: what tools need from the user (docs/wallets.md).

const KINDS = { pending_txs: "wallet_tx_request", pending_eip712s: "wallet_eip712_request", pending_requests: "client_request" };

/** The open requests, by id: {id, kind, request, expiresAt}; `expiresAt` is unknown for those found in a user state. */
export class ClientRequests {
  #byId = new Map();

  /** All of them, oldest first. */
  get all() {
    return [...this.#byId.values()].sort((one, other) => one.id - other.id);
  }

  /** Take over the open requests of a user state. Those known already stay, because they have their `expiresAt`. */
  load(userState) {
    const found = new Map();
    for (const [field, kind] of Object.entries(KINDS)) {
      for (const [key, request] of Object.entries(userState[field] ?? {})) {
        const id = Number(key);
        found.set(id, this.#byId.get(id) ?? { id, kind, request });
      }
    }
    this.#byId = found;
  }

  add({ id, kind, request, expires_at }) {
    this.#byId.set(id, { id, kind, request, expiresAt: new Date(expires_at) });
  }

  remove(id) {
    this.#byId.delete(id);
  }
}
