// The stored files of a session, as addresses within this page. Their bytes need the session's id, so that an address of
// the server would not do.

export class SessionFiles {
  #api;
  #sessionId;
  #addresses = new Map(); // promises by file id, or by local file

  /** Once `signal` has aborted, no address is valid. */
  constructor(api, sessionId, signal) {
    this.#api = api;
    this.#sessionId = sessionId;
    signal.addEventListener("abort", () => this.#revokeAll());
  }

  /** Store a local file. Its bytes are not downloaded again. Throws the server's refusal. */
  async store(local, signal) {
    const stored = await this.#api.upload(this.#sessionId, local, signal);
    this.#addresses.set(stored.file_id, this.address({ local }));
    return stored;
  }

  /** The address of an attachment's bytes. Throws what the server says if it has them no longer. */
  address({ file_id, local }) {
    const key = file_id ?? local;
    if (!this.#addresses.has(key)) this.#addresses.set(key, file_id ? this.#download(file_id) : localAddress(local));
    return this.#addresses.get(key);
  }

  async #download(fileId) {
    try {
      return URL.createObjectURL(await this.#api.file(this.#sessionId, fileId));
    } catch (error) {
      this.#addresses.delete(fileId); // it may be asked for again
      throw error;
    }
  }

  #revokeAll() {
    for (const address of this.#addresses.values()) address.then((url) => URL.revokeObjectURL(url), () => {});
    this.#addresses.clear();
  }
}

async function localAddress(local) {
  return URL.createObjectURL(local);
}
