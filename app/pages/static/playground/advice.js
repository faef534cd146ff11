// What went wrong, and what a person can do now.

const TURN = {
  provider_error: "If it keeps failing, choose another model at the top.",
  provider_stalled: "Another model may answer: choose one at the top.",
  tool_rounds_exceeded: "Ask for less at once, or write “go on”.",
  budget_spent: "Enter another key at the lower left, or ask the operator for more.",
  worker_lost: "What was said so far is kept. Send the message again.",
  shutdown: "The server was restarted. Send the message again.",
  internal: "Send it again. If it keeps failing, the server's log says why.",
  lost: "Reload the page to see what is kept.",
};

const STATUS = {
  0: "Check that the server runs and that you are online. Your message is back in the box: send it again.",
  400: "Change it and send it again, or start a new conversation.",
  401: "Enter an API key at the lower left. `aomi keys create` makes one.",
  402: "Enter another key at the lower left, or ask the operator for more.",
  403: "Choose another app, or enter a key that opens this one.",
  404: "Start a new conversation: this one may have been deleted, or have expired.",
  409: "Reload the page: it has changed meanwhile.",
  413: "Send it in smaller parts.",
  429: "Wait for an answer, or stop the running one, or wait as long as it says. Your message is back in the box.",
  500: "Try again. The server's log has more under this request id.",
  503: "Try again in some seconds. If it stays so, its operator should look at /readyz.",
};

/** How a turn failed: {what, next, again}; `again` says whether sending it again may help. */
export function ofTurn(error) {
  return { what: error.message, next: TURN[error.code] ?? TURN.internal, again: error.retryable };
}

/** Why a request was refused: {what, next, needsKey}. */
export function ofRequest(error) {
  const next = STATUS[error.status] ?? (error.status >= 500 ? STATUS[503] : STATUS[400]);
  return { what: error.message, next, needsKey: error.status === 401 || error.status === 403 };
}
