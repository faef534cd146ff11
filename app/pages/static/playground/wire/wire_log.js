// A log of all requests and events, as they went over the wire.

const MAX_ENTRIES = 400;
const SECRETS = { "X-API-Key": `"X-API-Key: $AOMI_KEY"`, Authorization: `"Authorization: Bearer $AOMI_TOKEN"` };

/**
 * Entries, oldest first: requests {method, path, headers, body, fileName, status} and events {source, id, event}.
 * Dispatches `add` and `change` with the entry as `detail`, and `clear`.
 */
export class WireLog extends EventTarget {
  entries = [];

  /** Add a request with a JSON `body`, or with the bytes of a file. Returns a function that sets its status. */
  addRequest(method, path, headers, body, fileName = "") {
    const entry = { kind: "request", at: new Date(), method, path, headers, body, fileName, status: "" };
    this._add(entry);
    return (status) => {
      entry.status = status;
      this.dispatchEvent(new CustomEvent("change", { detail: entry }));
    };
  }

  addEvent(source, id, event) {
    this._add({ kind: "event", at: new Date(), source, id, event });
  }

  clear() {
    this.entries = [];
    this.dispatchEvent(new Event("clear"));
  }

  _add(entry) {
    this.entries.push(entry);
    if (this.entries.length > MAX_ENTRIES) this.entries.shift();
    this.dispatchEvent(new CustomEvent("add", { detail: entry }));
  }
}

/** The request as a curl command. It names a variable instead of the API key, because it may be pasted anywhere. */
export function curlCommand({ method, path, headers, body, fileName }) {
  const parts = [`curl -N${method === "GET" ? "" : ` -X ${method}`} ${shellQuoted(location.origin + path)}`];
  for (const [name, value] of Object.entries(headers)) {
    parts.push(`-H ${SECRETS[name] ?? shellQuoted(`${name}: ${value}`)}`);
  }
  if (fileName) parts.push(`--data-binary ${shellQuoted(`@${fileName}`)}`);
  if (body) parts.push(`-d ${shellQuoted(JSON.stringify(body))}`);
  return parts.join(" \\\n  ");
}

function shellQuoted(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
