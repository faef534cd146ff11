// The files of the next message. Each is uploaded as soon as it is chosen.

const MAX_FILES = 8; // of one message; the server has the same bound

/** The types that the page shows as pictures. Others can only be saved. */
const PICTURE_TYPES = new Set(["image/png", "image/jpeg", "image/webp", "image/gif"]);

/** Whether an attachment, as messages have it, is shown as a picture. */
export function isPicture({ media_type }) {
  return PICTURE_TYPES.has(media_type);
}

/**
 * A file with the fields of an attachment: `filename`, `media_type`, `bytes`, and `file_id` once it is stored. `state`
 * is "uploading", "ready" or "failed". `local` is the browser's own File, null for a file that was stored before.
 */
class DraftFile {
  #controller = new AbortController();
  #upload = null;

  constructor(fields, local) {
    Object.assign(this, fields);
    this.local = local;
    this.state = local ? "uploading" : "ready";
  }

  static chosen(local) {
    return new DraftFile({ filename: local.name, media_type: local.type, bytes: local.size }, local);
  }

  /** Upload the file, again if that has failed. `store(local, signal)` returns the stored file. Throws its errors. */
  uploaded(store) {
    if (this.state === "failed") this.#upload = null;
    if (this.local && !this.file_id) this.#upload ??= this.#run(store);
    return this.#upload;
  }

  cancel() {
    this.#controller.abort();
  }

  async #run(store) {
    this.state = "uploading";
    try {
      Object.assign(this, await store(this.local, this.#controller.signal), { state: "ready" });
    } catch (error) {
      this.state = "failed";
      throw error;
    }
  }
}

export class DraftFiles {
  #store;
  #discard;
  #changed;
  #failed;
  #files = [];

  /**
   * `store(file, signal)` uploads a file, `discard(fileId)` deletes one. `changed()` tells that there is something to draw,
   * `failed(error)` that an upload failed.
   */
  constructor({ store, discard, changed, failed }) {
    this.#store = store;
    this.#discard = discard;
    this.#changed = changed;
    this.#failed = failed;
  }

  get all() {
    return this.#files;
  }

  /** Add files as far as a message may have them. Returns those for which there is no room. */
  add(locals) {
    const room = MAX_FILES - this.#files.length;
    const added = locals.slice(0, room).map((local) => DraftFile.chosen(local));
    this.#files = [...this.#files, ...added];
    for (const file of added) this.#begin(file);
    this.#changed();
    return locals.slice(room);
  }

  /** Remove a file, also at the server. */
  remove(file) {
    file.cancel();
    this.#files = this.#files.filter((other) => other !== file);
    if (file.file_id) this.#discard(file.file_id);
    this.#changed();
  }

  /** Hand over the files: they go with the message that is sent now. */
  take() {
    const files = this.#files;
    this.#files = [];
    this.#changed();
    return files;
  }

  /** Put attachments back that were handed over, or those of a message that was taken back. */
  putBack(attachments) {
    const files = attachments.map((one) => (one instanceof DraftFile ? one : new DraftFile({ ...one }, null)));
    this.#files = [...files, ...this.#files];
    for (const file of files) if (file.state === "uploading") this.#begin(file);
    this.#changed();
  }

  /** The attachments as a chat's body names them, once all are uploaded. Throws the error of an upload. */
  async references(attachments) {
    await Promise.all(attachments.map((one) => one.uploaded?.(this.#store)));
    return attachments.map(({ file_id, url }) => (url ? { url } : { file_id }));
  }

  async #begin(file) {
    try {
      await file.uploaded(this.#store);
    } catch (error) {
      if (this.#files.includes(file)) this.#failed(error); // not if it was removed, or is being sent
    }
    this.#changed();
  }
}
