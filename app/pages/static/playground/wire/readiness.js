// Whether the backend is ready to run messages, as /readyz reports it.

const READY_PAUSE = 15_000; // milliseconds
const NOT_READY_PAUSE = 2_000;
const NOT_READY = 503;

/** Call `show(reason)` now and from then on: the reason why the backend is not ready, '' if it is. Pauses in hidden tabs. */
export async function watchReadiness(show) {
  for (;;) {
    const reason = document.hidden ? "" : await reasonNotReady();
    if (!document.hidden) show(reason);
    await new Promise((resolve) => setTimeout(resolve, reason ? NOT_READY_PAUSE : READY_PAUSE));
  }
}

/** '' also if the server cannot be reached, or hides /readyz: others report that, or nobody can tell. */
async function reasonNotReady() {
  try {
    const response = await fetch("/readyz");
    return response.status === NOT_READY ? (await response.json()).error ?? "" : "";
  } catch {
    return "";
  }
}
