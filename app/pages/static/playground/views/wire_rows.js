// Rows of the drawer: requests, which open to code, and events, which open to their JSON.

import { parseExact } from "../wire/exact_json.js";
import { REQUEST_CODES } from "../wire/request_code.js";
import { WORDS } from "../words.js";
import { CodeBlock } from "./code_block.js";
import { copyButton, el, setText, timeOfDay } from "./dom.js";
import { jsonTree } from "./json_tree.js";

const BRIEF_LENGTH = 300; // characters

/** The kind of an entry, by which rows are filtered. */
export function kindOf(entry) {
  return entry.kind === "request" ? "request" : entry.type;
}

/** A row of an entry. `update()` shows what has changed of it. What is inside is made when the row is opened. */
export class WireRow {
  constructor(entry) {
    this._entry = entry;
    this._isRequest = entry.kind === "request";
    this._body = el("div", { className: "row-body" });
    this._name = el("span", { className: "row-name" });
    this._note = el("b", { className: "row-note" });
    this._brief = el("code", { className: "brief" });
    const time = el("time", {}, timeOfDay(entry.at));
    const summary = el("summary", {}, el("span", { className: "row-head" }, this._name, this._note, time), this._brief);
    this._details = el("details", { ontoggle: () => this._fill() }, summary, this._body);
    this.element = el("li", { className: this._isRequest ? "sent" : "received" }, this._details);
    this.update();
  }

  update() {
    const { method, path, status, body, fileName, type, frames, count } = this._entry;
    setText(this._name, this._isRequest ? `${method} ${shortened(path)}` : type);
    setText(this._note, this._isRequest ? statusText(status) : count > 1 ? `× ${count}` : "");
    this._note.classList.toggle("refused", status >= 400 || status === 0);
    const brief = this._isRequest ? fileName || (body ? JSON.stringify(body) : "") : briefOf(frames, count);
    setText(this._brief, brief.slice(0, BRIEF_LENGTH));
    if (this._details.open && (this._isRequest || count > 1)) this._fill();
  }

  _fill() {
    if (!this._details.open) return;
    if (!this._isRequest && this._entry.count > 1) return setText(this._pieces(), rawFrames(this._entry));
    if (!this._body.hasChildNodes()) this._body.append(...(this._isRequest ? requestParts : eventParts)(this._entry));
    this._showResponse();
  }

  /** Show the JSON of the response, once it is there. */
  _showResponse() {
    const { response } = this._entry;
    if (!response || this._response) return;
    this._response = el("div", {}, ...responseParts(response));
    this._body.append(this._response);
  }

  /** The element with the frames of the pieces of a text. */
  _pieces() {
    if (this._body.firstChild?.tagName !== "PRE") {
      this._body.replaceChildren(el("pre", { tabIndex: 0, role: "group", "aria-label": WORDS.events.frames }));
    }
    return this._body.firstChild;
  }
}

/** The status of a request as text: `0` means that the server could not be reached, "" that there is no response yet. */
function statusText(status) {
  return status === 0 ? WORDS.events.noConnection : String(status);
}

function requestParts(request) {
  const shown = el("div", { className: "request-code" });
  const choices = REQUEST_CODES.map(({ id, language, code }) => {
    const show = () => {
      for (const choice of choices) choice.setAttribute("aria-pressed", String(choice === button));
      const block = new CodeBlock(language);
      block.show(code(request));
      block.colour();
      shown.replaceChildren(block.element);
    };
    const button = el("button", { type: "button", className: "quiet", "aria-pressed": "false", onclick: show }, WORDS.events.codes[id]);
    return button;
  });
  choices[0].click();
  const parts = [el("div", { className: "choices", role: "group", "aria-label": WORDS.events.requestAsCode }, ...choices), shown];
  if (request.body) parts.push(el("p", { className: "row-label" }, WORDS.events.body), jsonTree(request.body));
  return parts;
}

function responseParts({ text, more }) {
  return [el("p", { className: "row-label" }, WORDS.events.response), more ? cutResponse(text, more) : jsonOrText(text)];
}

function cutResponse(text, more) {
  return textBlock(`${text}\n${WORDS.events.moreCharacters(more)}`);
}

/** JSON that opens; a text where the server says that it is JSON, and it is none. */
function jsonOrText(text) {
  try {
    return jsonTree(parseExact(text));
  } catch {
    return textBlock(text);
  }
}

function textBlock(text) {
  return el("pre", { tabIndex: 0, role: "group", "aria-label": WORDS.events.response }, text);
}

function eventParts({ frames: [frame] }) {
  const lines = [frame.name && `event: ${frame.name}`, frame.id && `id: ${frame.id}`].filter(Boolean).join("\n");
  const head = el("div", { className: "frame-head" }, el("code", {}, lines), copyButton(WORDS.events.copyFrame, () => rawFrame(frame)));
  return [head, jsonTree(frame.event)];
}

function rawFrames({ frames, count }) {
  const more = count > frames.length ? [WORDS.events.more(count - frames.length)] : [];
  return [...frames.map(rawFrame), ...more].join("\n\n");
}

function rawFrame({ name, id, event }) {
  return `${name ? `event: ${name}\n` : ""}${id ? `id: ${id}\n` : ""}data: ${JSON.stringify(event)}`;
}

/** One line: the event, or the text of its pieces. */
function briefOf(frames, count) {
  if (count === 1) return JSON.stringify(frames[0].event);
  return frames.map(({ event }) => event.content ?? event.delta ?? "").join("").slice(0, BRIEF_LENGTH);
}

function shortened(path) {
  return path.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, (id) => `${id.slice(0, 8)}…`).replace(/(run_[0-9a-f]{6})[0-9a-f]+/g, "$1…");
}
