// A request as code to copy. It names a variable, or a placeholder, instead of the API key, because it may be pasted
// anywhere.

import { WORDS } from "../words.js";

const KEY_HEADERS = { "X-API-Key": ["", "API_KEY"], Authorization: ["Bearer ", "USER_TOKEN"] };

/** The languages of code: {id, language, code(request)}; `language` is the name that the highlighter has. */
export const REQUEST_CODES = [
  { id: "curl", language: "bash", code: curlCommand },
  { id: "fetch", language: "javascript", code: fetchCall },
  { id: "python", language: "python", code: pythonCall },
];

function curlCommand({ method, path, headers, body, fileName }) {
  const parts = [`curl -N${method === "GET" ? "" : ` -X ${method}`} ${shellQuoted(location.origin + path)}`];
  for (const [name, value] of Object.entries(headers)) {
    const [prefix, variable] = KEY_HEADERS[name] ?? [];
    parts.push(`-H ${variable ? `"${name}: ${prefix}$${variable}"` : shellQuoted(`${name}: ${value}`)}`);
  }
  if (fileName) parts.push(`--data-binary ${shellQuoted(`@${fileName}`)}`);
  if (body) parts.push(`-d ${shellQuoted(JSON.stringify(body))}`);
  return parts.join(" \\\n  ");
}

/** A module for a browser or Node: it prints the answer as it arrives. */
function fetchCall({ method, path, headers, body, fileName }) {
  const keys = keysOf(headers).map((variable) => `const ${variable} = "";  // ${WORDS.events.yours}\n`);
  const lines = Object.entries(headers).map(([name, value]) => {
    const [prefix, variable] = KEY_HEADERS[name] ?? [];
    const written = variable ? `\`${prefix}\${${variable}}\`` : JSON.stringify(value);
    return `    ${JSON.stringify(name)}: ${written},\n`;
  });
  const content = fileName ? `  body: file,  // ${fileName}\n` : body ? `  body: JSON.stringify(${indented(body, 2)}),\n` : "";
  const options = `{\n  method: "${method}",\n  headers: {\n${lines.join("")}  },\n${content}}`;
  return (
    `${keys.join("")}const response = await fetch(${JSON.stringify(location.origin + path)}, ${options});\n` +
    "for await (const text of response.body.pipeThrough(new TextDecoderStream())) console.log(text);\n"
  );
}

/** With httpx, which has to be installed. */
function pythonCall({ method, path, headers, body, fileName }) {
  const keys = keysOf(headers);
  const lines = Object.entries(headers).map(([name, value]) => {
    const [prefix, variable] = KEY_HEADERS[name] ?? [];
    const written = variable ? `${prefix && `"${prefix}" + `}os.environ["${variable}"]` : JSON.stringify(value);
    return `    ${JSON.stringify(name)}: ${written},\n`;
  });
  const content = fileName ? `open(${JSON.stringify(fileName)}, "rb")` : body ? "body" : "";
  return [
    keys.length > 0 && "import os\n\n",
    "import httpx\n\n",
    body && `body = r"""${JSON.stringify(body)}"""\n`,
    `headers = {\n${lines.join("")}}\n`,
    `url = ${JSON.stringify(location.origin + path)}\n`,
    `with httpx.stream("${method}", url, headers=headers${content && `, content=${content}`}, timeout=None) as response:\n`,
    "    for text in response.iter_text():\n",
    '        print(text, end="", flush=True)\n',
  ].filter(Boolean).join("");
}

/** A text with an ellipsis instead of the person's `key`, '' for none. */
export function withoutKey(text, key) {
  return key ? text.replaceAll(key, "…") : text;
}

function keysOf(headers) {
  return Object.keys(headers).filter((name) => KEY_HEADERS[name]).map((name) => KEY_HEADERS[name][1]);
}

function indented(value, spaces) {
  return JSON.stringify(value, null, 2).replaceAll("\n", `\n${" ".repeat(spaces)}`);
}

function shellQuoted(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
