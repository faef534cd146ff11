// The question of an MCP server, as a form: a field for each value that it wants, or the address of a page to visit.

import { parseExact } from "../wire/exact_json.js";
import { WORDS } from "../words.js";
import { el } from "./dom.js";

const YES_OR_NO = [{ const: "true", title: WORDS.calls.yes }, { const: "false", title: WORDS.calls.no }];
const INPUT_TYPES = { email: "email", uri: "url", date: "date" };

export class QuestionForm {
  /** `question` has the `schema` of the answer, or a `url`. `id` begins the ids of the fields. */
  constructor({ schema, url }, id) {
    this._required = new Set(schema?.required ?? []);
    this._fields = Object.entries(schema?.properties ?? {}).map(([name, field], index) => this._field(name, field, `${id}-${index}`));
    this.element = el("fieldset", { className: "question" }, url ? pageLink(url) : null, ...this._fields.map(({ row }) => row));
  }

  /** The values of the fields; those left empty are left out. Raises an `Error` that says what is wrong. */
  content() {
    const content = {};
    for (const { name, read, input } of this._fields) {
      const value = read();
      if (value !== undefined) content[name] = value;
      else if (this._required.has(name)) {
        input.focus();
        throw new Error(WORDS.calls.isNeeded(name));
      }
    }
    return content;
  }

  _field(name, field, id) {
    const title = field.title ?? name;
    const label = this._required.has(name) ? title : WORDS.calls.optional(title);
    const { input, read } = inputOf(field, id);
    const about = field.description ? el("span", { className: "hint", id: `${id}-about` }, field.description) : null;
    if (about) input.setAttribute("aria-describedby", about.id);
    return { name, read, input, row: el("div", {}, el("label", { htmlFor: id }, label), input, about) };
  }
}

/** The input of a field, and `read()`: its value, undefined if there is none. */
function inputOf(field, id) {
  if (field.type === "array") return select(id, choicesOf(field.items, "anyOf"), field.default ?? [], true);
  const choices = choicesOf(field, "oneOf");
  if (choices) return select(id, choices, [field.default], false);
  if (field.type === "boolean") return select(id, YES_OR_NO, [String(field.default)], false, (value) => value === "true");
  const isText = field.type === "string";
  const props = { id, autocomplete: "off", value: String(field.default ?? ""), type: INPUT_TYPES[field.format] ?? "text", inputMode: isText ? "" : "decimal" };
  const input = el("input", props);
  return { input, read: () => (input.value === "" ? undefined : isText ? input.value : numberOf(input.value)) };
}

function select(id, choices, chosen, multiple, valueOf = (value) => value) {
  const none = multiple ? [] : [el("option", { value: "" }, WORDS.calls.choose)];
  const options = choices.map(({ const: value, title }) => el("option", { value, selected: chosen.includes(value) }, title));
  const input = el("select", { id, multiple }, ...none, ...options);
  const values = () => [...input.selectedOptions].map(({ value }) => value).filter(Boolean);
  const read = () => (multiple ? values() : values().map(valueOf)[0]);
  return { input, read };
}

function choicesOf(field, titled) {
  return field[titled] ?? field.enum?.map((value) => ({ const: value, title: value }));
}

/** The whole address is the text, so that the user sees where it leads. Nothing opens it but the user. */
function pageLink(url) {
  return el("p", {}, el("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, url));
}

/** The number as it is written, or the text: the server says what is wrong with it. */
function numberOf(text) {
  try {
    return parseExact(text.trim());
  } catch {
    return text;
  }
}
