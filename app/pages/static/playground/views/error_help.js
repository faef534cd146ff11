// What the user can do about an error.

import { WORDS } from "../words.js";

const { turn: BY_CODE, request: BY_STATUS, answer: BY_STATUS_OF_ANSWERS } = WORDS.help;

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
