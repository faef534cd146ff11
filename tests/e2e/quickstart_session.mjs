// Drives docs/quickstart.mjs: one message to its end, and one that is stopped; prints what it saw, as JSON.
import { connect } from "../../docs/quickstart.mjs";

const [base, session] = process.argv.slice(2);
const chat = connect(base, session);
const saw = { counted: [], stopped: [], refused: null };

for await (const event of chat.send("count to 40")) saw.counted.push(event);
for await (const event of chat.send("count to 5000")) {
  if (saw.stopped.push(event) === 1) await chat.stop();
}
try {
  for await (const _ of chat.send(" ")) throw new Error("a blank message was taken");
} catch (error) {
  saw.refused = [error.status, error.message];
}
console.log(JSON.stringify(saw));
