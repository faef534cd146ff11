// The sample reader of the API reference, its loop word for word; around it only what it calls.
const [url, sessionId, text] = process.argv.slice(2);
let shown = "";
const flush = () => {
  if (shown) console.log(`text: ${shown}`);
  shown = "";
};
const appendText = (content) => (shown += content);
const showToolCall = (name, args) => (flush(), console.log(`call: ${name} ${JSON.stringify(args)}`));
const showToolResult = (callId, result) => (flush(), console.log(`result: ${JSON.stringify(result)}`));

const response = await fetch(`${url}/api/chat`, {
  method: "POST",
  headers: { "Content-Type": "application/json", "X-Session-Id": sessionId },
  body: JSON.stringify({ text }),
});

const reader = response.body.getReader();
const decoder = new TextDecoder();

while (true) {
  const { done, value } = await reader.read();
  if (done) break;

  const chunk = decoder.decode(value);
  const lines = chunk.split("\n");

  for (const line of lines) {
    if (line.startsWith("data: ")) {
      const event = JSON.parse(line.slice(6));

      switch (event.type) {
        case "text":
          // Append to displayed text
          appendText(event.content);
          break;
        case "tool_call":
          // Show tool call indicator
          showToolCall(event.name, event.args);
          break;
        case "tool_result":
          // Show tool result
          showToolResult(event.call_id, event.result);
          break;
        case "complete":
          // Response finished
          flush();
          console.log("complete");
          break;
        case "error":
          // Handle error
          console.error(event.message);
          break;
      }
    }
  }
}
