// What the user can do about an error.

const BY_CODE = {
  provider_error: "If it keeps failing, choose another model at the top.",
  provider_stalled: "Choose another model at the top, or try again.",
  tool_rounds_exceeded: "Ask for less at once, or write “go on”.",
  budget_spent: "Enter another key at the lower left, or ask the operator for a higher budget.",
  unauthorized: "Enter a valid API key at the lower left, and send the message again.",
  worker_lost: "The text so far is kept. Try again.",
  shutdown: "The server was restarted. Try again.",
  internal: "Try again. If it keeps failing, the server's log says why.",
  lost: "Reload the page to see what is kept.",
};

const BY_STATUS = {
  0: "Check that the server runs and that you are online. Your message is back in the box: send it again.",
  400: "Change it and send it again, or start a new conversation.",
  401: "Enter an API key, or your token, at the lower left. `aomi keys create` makes a key.",
  402: "Enter another key at the lower left, or ask the operator for a higher budget.",
  403: "Choose another app, or enter a key for this one.",
  404: "Start a new conversation: this one may have been deleted or have expired.",
  409: "Reload the page: the conversation has changed.",
  413: "Attach a smaller file, or send it in smaller parts.",
  415: "Remove it, and attach a picture, a PDF or a text instead.",
  429: "Wait for a reply, or stop the running one, or wait as long as it says. Your message is back in the box.",
  500: "Try again. The server's log has details under this request id.",
  503: "Try again in a few seconds. If it keeps failing, ask the operator to check /readyz.",
};

const BY_STATUS_OF_ANSWERS = {
  0: "Check that the server runs and that you are online, and answer again.",
  400: "Change it and answer again.",
  404: "There is nothing to answer any more.",
  409: "There is nothing to answer any more.",
  429: "Wait as long as it says, and answer again.",
};

/** Why a turn failed: {what, next}. */
export function turnErrorHelp(error) {
  return { what: error.message, next: BY_CODE[error.code] ?? BY_CODE.internal };
}

/** Why a request failed: {what, next, needsKey}. */
export function requestErrorHelp(error) {
  const next = BY_STATUS[error.status] ?? (error.status >= 500 ? BY_STATUS[503] : BY_STATUS[400]);
  return { what: error.message, next, needsKey: error.status === 401 || error.status === 403 };
}

/** Why an answer to a tool call was refused: {words, isFinal}; `isFinal`: the call does not wait any more. */
export function answerErrorHelp(error) {
  const next = BY_STATUS_OF_ANSWERS[error.status] ?? requestErrorHelp(error).next;
  return { words: `${error.message.replace(/\.?$/, ".")} ${next}`, isFinal: error.status === 404 || error.status === 409 };
}
