// Follows many sessions at once over one HTTP/2 connection, as a page with many open threads does, then sends a message.
// Usage: node many_streams.mjs ADDRESS AUTHORITY.pem SESSIONS. Prints the streams that opened, and the message's events.
import { readFileSync } from 'node:fs';
import { connect } from 'node:http2';

const [address, authority, count] = process.argv.slice(2);
const connection = connect(address, { ca: readFileSync(authority) });

function opened(path, headers, body) {
  const stream = connection.request({ ':path': path, ...headers });
  stream.setEncoding('utf8');
  stream.end(body);
  return stream;
}

function follow() {
  const stream = opened('/api/updates', { 'x-session-id': crypto.randomUUID() });
  return new Promise((resolve, reject) => {
    stream.on('data', (text) => text.includes('"state"') && resolve(stream));
    stream.on('error', reject);
  });
}

const followed = await Promise.all(Array.from({ length: Number(count) }, follow));
const headers = { ':method': 'POST', 'x-session-id': crypto.randomUUID(), 'content-type': 'application/json' };
let events = '';
for await (const text of opened('/api/chat', headers, '{"text":"remember 1"}')) events += text;
console.log(JSON.stringify({ followed: followed.length, last: events.trim().split('\n').at(-1) }));
connection.destroy();
