// The dialects in which the server streams a turn (docs/front-ends.md).

/** The paths at which a turn is streamed once more, from its first event on. They start nothing. */
export const DIALECTS = [
  { id: "native", path: null }, // what the page itself reads
  { id: "ai-sdk", path: (session, turn) => `/ai/chat/${session}/stream?v=6&reasoning=1&run_id=${turn}` },
  { id: "ag-ui", path: (session, turn) => `/agui/threads/${session}/runs/${turn}` },
  { id: "openai", path: (session, turn) => `/v1/sessions/${session}/turns/${turn}` },
];

/** The types of frames, in any dialect, that are pieces of one text. */
export const PIECES = new Set([
  "text", "reasoning", "text-delta", "reasoning-delta", "TEXT_MESSAGE_CONTENT", "REASONING_MESSAGE_CONTENT",
  "response.output_text.delta", "response.reasoning_summary_text.delta",
]);
