"""`python -m workers`: a worker process. SIGTERM lets running turns finish for AOMI_GRACE seconds; SIGHUP has the whole
site reload aomi.yaml."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable

import click

import workers.models  # noqa: F401 - sets what litellm reads when it is imported, which a tool may do
from app import catalog, config, file_limit, sd_notify
from app.errors import ConfigError
from app.telemetry import logs, prints, tracing
from workers.tools import of_apps

log = logging.getLogger("workers")

OWN_THREADS = "aomi "
"""Prefix of the names of this worker's own threads. Tools' threads do not have it."""

STOPS = (signal.SIGTERM, signal.SIGINT)
DIED, RECYCLED, HANGUP = b"\0", b"\xff", bytes([signal.SIGHUP])


def main() -> int:
    """Run until SIGTERM or SIGINT. Returns the exit code: 2 when the settings or aomi.yaml are wrong, 1 when a part of
    the worker died."""
    started = time.monotonic()
    wait_for_exit, request_exit = _watch_for_exit()
    try:
        settings, notices = config.read()
        logs.setup(settings)
        for notice in notices:
            log.warning(notice)
        prints.capture()
        tracing.setup(settings, "aomi-worker")
        files_at_start = file_limit.raise_to_hard()
        log.info("at most %d open files (%d at start)", file_limit.open_files(), files_at_start)
        of_apps.load_all(catalog.load(settings.config))
        from workers.process import Worker  # after the checks: it loads litellm, which takes seconds

        worker = Worker(settings, request_exit)
    except ConfigError as error:
        for line in str(error).splitlines():
            click.echo(f"aomi worker: {line}", err=True)
        return 2
    worker.start()
    log.info("worker %s takes jobs after %.1f s", worker.name, time.monotonic() - started)
    sd_notify.notify("READY=1")
    code, ended = wait_for_exit(worker.watcher.reload_site), False
    sd_notify.notify("STOPPING=1")
    try:
        ended = worker.stop()
    finally:
        for number in STOPS:
            signal.signal(number, signal.SIG_IGN)  # else a second signal during Python's exit would kill the process
        if not ended:
            _leave_jobs_behind(code)
    return code


def _leave_jobs_behind(code: int) -> None:
    """Exit although jobs still run: a job that hangs would keep the process alive for ever."""
    if sys.exc_info()[0]:
        log.critical("unhandled exception while the worker stopped", exc_info=True)
    logging.shutdown()
    os._exit(1 if sys.exc_info()[0] else code)


def _watch_for_exit() -> tuple[Callable[[Callable[[], object]], int], Callable[[], object]]:
    """Returns two functions. The first blocks until the worker must exit and calls its argument at each SIGHUP; it
    returns the exit code: 0 after a signal or a request to exit, 1 when one of the worker's own threads died (the
    supervisor then starts a new worker). The second requests an exit.

    Signals arrive through a pipe: a signal that comes just before Python waits for a lock, or that another thread gets,
    would not end that wait.
    """
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)  # writes the signal's number, which is never 0
    for number in (*STOPS, signal.SIGHUP):
        signal.signal(number, lambda *_: None)

    def wait(on_hangup: Callable[[], object]) -> int:
        while (byte := os.read(read_end, 1)) == HANGUP:
            on_hangup()
        return int(byte == DIED)

    def thread_died(died: threading.ExceptHookArgs) -> None:
        logs.thread_uncaught(died)
        if died.thread and died.thread.name.startswith(OWN_THREADS):
            log.critical(
                "%s died (see the line above); this worker exits, so that it is started again", died.thread.name
            )
            os.write(write_end, DIED)

    threading.excepthook = thread_died
    return wait, lambda: os.write(write_end, RECYCLED)


if __name__ == "__main__":
    sys.exit(main())
