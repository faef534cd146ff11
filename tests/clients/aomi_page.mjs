// A page with Aomi's React runtime and the widget's transaction handler, as they are published, in jsdom. Only the wallet
// is ours: it sends each call from an account of a development chain. Prints what happened as one line of JSON.
// Arguments: the folder that has node_modules, then JSON with url, key, chain, chainId, address, ownKey, message.
import { createRequire } from "node:module";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";

const [folder, settings] = process.argv.slice(2);
const page = JSON.parse(settings);
const require = createRequire(join(folder, "page.js"));
const { JSDOM } = require("jsdom");
const { window } = new JSDOM('<div id="page"></div>', { url: "http://page.example/", pretendToBeVisual: true });
for (const name of ["window", "document", "navigator", "localStorage", "HTMLElement", "Node", "Element", "MutationObserver"]) {
  Object.defineProperty(globalThis, name, { value: name === "window" ? window : window[name], configurable: true });
}
globalThis.requestAnimationFrame = (draw) => setTimeout(draw, 16);
globalThis.ResizeObserver ??= class { observe() {} unobserve() {} disconnect() {} };
const say = console.log;
console.log = console.info = () => {};

const React = require("react");
const { createRoot } = require("react-dom/client");
const { AomiRuntimeProvider, useAomiRuntime, useControl } = require("@aomi-labs/react");

const seen = { calls: [], simulated: [] };
const realFetch = globalThis.fetch;
globalThis.fetch = async (address, options) => {
  const response = await realFetch(address, options);
  if (String(address).includes("/api/simulate")) seen.simulated.push({ status: response.status, sent: JSON.parse(options.body) });
  return response;
};

async function rpc(method, ...params) {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  const response = await realFetch(page.chain, { method: "POST", headers: { "Content-Type": "application/json" }, body });
  const { result, error } = await response.json();
  if (error) throw new Error(error.message);
  return result;
}

globalThis.__aomiWallet = {
  identity: { status: "connected", isConnected: true, address: page.address, chainId: page.chainId, primaryLabel: "test" },
  isReady: true,
  async sendTransaction({ calls, aaPreference }) {
    let txHash;
    for (const { to, value, data } of calls) {
      const call = { from: page.address, to, value: "0x" + BigInt(value ?? "0").toString(16), data: data ?? "0x" };
      seen.calls.push(call);
      txHash ??= await rpc("eth_sendTransaction", call);
    }
    return { txHash, batched: true, callCount: calls.length, aaRequestedMode: aaPreference === "none" ? "none" : "7702" };
  },
};

// The widget is published as sources; its handler is bundled as a page's bundler does, with our wallet for its adapter
async function transactionHandler() {
  const esbuild = require("esbuild");
  const output = mkdtempSync(join(folder, "page-"));
  const wallet = {
    name: "wallet",
    setup(build) {
      build.onResolve({ filter: /aomi-auth-adapter$/ }, () => ({ path: "wallet", namespace: "wallet" }));
      build.onLoad({ filter: /.*/, namespace: "wallet" }, () => ({
        contents: "exports.useAomiAuthAdapter = () => globalThis.__aomiWallet;",
      }));
    },
  };
  try {
    const outfile = join(output, "handler.cjs");
    const source = join(folder, "node_modules/@aomi-labs/widget-lib/src/components/runtime-tx-handler.tsx");
    const external = ["react", "react/jsx-runtime", "@aomi-labs/react"];
    await esbuild.build({ entryPoints: [source], outfile, bundle: true, format: "cjs", jsx: "automatic", external, plugins: [wallet] });
    return require(outfile).RuntimeTxHandler;
  } finally {
    rmSync(output, { recursive: true });
  }
}

async function until(condition, what) {
  for (let tries = 0; tries < 600; tries += 1) {
    const value = condition();
    if (value) return value;
    await new Promise((wake) => setTimeout(wake, 100));
  }
  throw new Error(`${what} did not happen; seen: ${JSON.stringify(seen)}`);
}

let runtime;
let control;
function Page() {
  runtime = useAomiRuntime();
  control = useControl();
  return null;
}

const texts = () => runtime.getMessages().flatMap(({ role, content }) =>
  (typeof content === "string" ? [content] : content.map((part) => part.text)).map((text) => [role, text]));
const has = (text) => texts().some(([, found]) => found === text);

const RuntimeTxHandler = await transactionHandler();
const root = createRoot(window.document.getElementById("page"));
root.render(React.createElement(AomiRuntimeProvider, { backendUrl: page.url },
  React.createElement(Page), React.createElement(RuntimeTxHandler)));
await until(() => control?.state, "the first render");
control.setApiKey(page.key);
await until(() => control.state.authorizedApps.includes("scripted"), "the list of apps");
control.onAppSelect("scripted");
await control.setProviderKey("openai", page.ownKey);
runtime.setUser({ address: page.address, chain_id: page.chainId, is_connected: true });
await until(() => runtime.user.is_connected, "the connected wallet");
await until(() => control.getCurrentThreadApp() === "scripted", "the chosen app");
await runtime.sendMessage(page.message);
await until(() => has(page.last), "the last answer").catch((error) => { seen.error = String(error); });
await control.removeProviderKey("openai");
say(JSON.stringify({ ...seen, texts: texts() }));
process.exit(0);
