// npm's oidc-provider on a port of loopback: client_credentials for two users, keys that rotate. A command is a line of
// JSON on stdin, and so is its reply: ["rotate"] replaces the signing key, ["away", true] answers 503 from then on.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { exportJWK, generateKeyPair } from "jose";
import Provider from "oidc-provider";

console.info = console.warn = console.error; // where its notices belong: stdout is for replies
const audience = "aomi";
const clients = ["alice", "bob"].map((client_id) => ({
  client_id,
  client_secret: `secret of ${client_id}`,
  grant_types: ["client_credentials"],
  redirect_uris: [],
  response_types: [],
}));
let handle, isAway = false, number = 0;

async function start(issuer) {
  const { privateKey } = await generateKeyPair("RS256", { extractable: true });
  const key = { ...(await exportJWK(privateKey)), kid: `key-${++number}`, alg: "RS256", use: "sig" };
  const provider = new Provider(issuer, {
    clients,
    jwks: { keys: [key] },
    extraTokenClaims: (_, token) => (token.clientId === "alice" ? { aomi_apps: ["scripted"] } : {}),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => "urn:aomi",
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({ scope: "", audience, accessTokenFormat: "jwt", accessTokenTTL: 600 }),
      },
    },
  });
  handle = provider.callback();
}

const server = createServer((request, response) => {
  if (isAway) return response.writeHead(503).end();
  handle(request, response);
});
server.listen(0, "127.0.0.1", async () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  await start(issuer);
  console.log(JSON.stringify(issuer));
  for await (const line of createInterface({ input: process.stdin })) {
    const [command, value] = JSON.parse(line);
    if (command === "rotate") await start(issuer);
    if (command === "away") isAway = value;
    console.log(JSON.stringify(number));
  }
  process.exit();
});
