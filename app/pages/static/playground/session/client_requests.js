// Open client requests: what tools need from the user (docs/wallets.md).

/** The open requests, by id: {id, kind, tool, request, expiresAt}; `tool` is '' until the state says it. */
export class ClientRequests {
  #byId = new Map();

  /** All of them, oldest first. */
  get all() {
    return [...this.#byId.values()].sort((one, other) => one.id - other.id);
  }

  /** Take over `client_requests` of /api/state; a server of the version before has none. A request stays the same object while it is open. */
  load(requests = []) {
    const known = this.#byId;
    this.#byId = new Map();
    for (const request of requests) this.add(request, known.get(request.id));
  }

  /** Add the request of an event, or of the state. */
  add({ id, kind, tool = "", request, expires_at }, known = {}) {
    this.#byId.set(id, Object.assign(known, { id, kind, tool, request, expiresAt: new Date(expires_at) }));
  }

  remove(id) {
    this.#byId.delete(id);
  }
}
