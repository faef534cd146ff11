// What went over the wire, for the drawer.

const KEPT = 400;

/** Entries, oldest first: requests {method, path, headers, body, status} and events {source, id, event}. */
export class Journal extends EventTarget {
  entries = [];

  request(method, path, headers, body) {
    const entry = { kind: "request", at: new Date(), method, path, headers, body, status: "" };
    this._add(entry);
    return {
      answered: (status) => {
        entry.status = status;
        this.dispatchEvent(new CustomEvent("change", { detail: entry }));
      },
    };
  }

  event(source, id, event) {
    this._add({ kind: "event", at: new Date(), source, id, event });
  }

  clear() {
    this.entries = [];
    this.dispatchEvent(new Event("clear"));
  }

  _add(entry) {
    this.entries.push(entry);
    if (this.entries.length > KEPT) this.entries.shift();
    this.dispatchEvent(new CustomEvent("add", { detail: entry }));
  }
}

/** The request as a command for a shell. The key is not in it: it may be pasted anywhere. */
export function curl({ method, path, headers, body }) {
  const parts = [`curl -N${method === "GET" ? "" : ` -X ${method}`} ${quoted(location.origin + path)}`];
  for (const [name, value] of Object.entries(headers)) {
    parts.push(name === "X-API-Key" ? `-H "X-API-Key: $AOMI_KEY"` : `-H ${quoted(`${name}: ${value}`)}`);
  }
  if (body) parts.push(`-d ${quoted(JSON.stringify(body))}`);
  return parts.join(" \\\n  ");
}

function quoted(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
