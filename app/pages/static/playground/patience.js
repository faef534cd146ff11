// How long to wait for a server that is away, and when there is no use in it.

import { Refused } from "./api.js";

const PAUSES = [250, 500, 1000, 2000, 4000]; // milliseconds

/** Whether the server has understood, and will say the same again. Of too many requests (429) it will not. */
export function isFinal(error) {
  return error instanceof Refused && error.status < 500 && error.status !== 429;
}

/** Wait after so many failures in a row. */
export function pause(failed) {
  const milliseconds = PAUSES[Math.min(failed, PAUSES.length) - 1];
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
