// When to retry a failed request, and how long to wait first.

import { ApiError } from "./api.js";

const DELAYS = [250, 500, 1000, 2000, 4000]; // milliseconds

/** Whether a retry is useless: the server refused the request, and not only for now (429, 5xx). */
export function isFinal(error) {
  return error instanceof ApiError && error.status < 500 && error.status !== 429;
}

/** Wait after `failures` failed attempts in a row. Throws the signal's reason if `signal` aborted meanwhile. */
export async function backoff(failures, signal) {
  const delay = DELAYS[Math.min(failures, DELAYS.length) - 1];
  await new Promise((resolve) => setTimeout(resolve, delay));
  signal?.throwIfAborted();
}

/**
 * The result of `attempt()`, retried with backoff until it succeeds. `onFailure()` runs after each failed attempt.
 * Throws final errors, and any error once `signal` has aborted.
 */
export async function retry(attempt, signal, onFailure = () => {}) {
  for (let failures = 1; ; failures++) {
    try {
      return await attempt();
    } catch (error) {
      if (signal.aborted || isFinal(error)) throw error;
      onFailure();
    }
    await backoff(failures, signal);
  }
}
