"""`python -m workers`: a worker process. SIGTERM lets running turns finish for AOMI_GRACE seconds."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable

import click

from app import catalog, config
from app.errors import ConfigError
from app.telemetry import logs, tracing

log = logging.getLogger("workers")

OWN_THREADS = "aomi "
"""The names of this worker's own threads begin so; those of tools do not."""

STOPS = (signal.SIGTERM, signal.SIGINT)
DIED = b"\0"


def main() -> int:
    """Run until SIGTERM or SIGINT. Returns the exit code: 2 when the settings or aomi.yaml are wrong, 1 when a part
    of the worker died."""
    began = time.monotonic()
    ends = _ends()
    try:
        settings = config.load()
        logs.setup(settings)
        tracing.setup(settings, "aomi-worker")
        catalog.check(settings.config)
        from workers.process import Worker  # loads litellm, which takes seconds: a mistake is told before

        worker = Worker(settings)
    except ConfigError as error:
        click.echo(f"aomi worker: {error}", err=True)
        return 2
    worker.start()
    log.info("worker %s takes jobs after %.1f s", worker.name, time.monotonic() - began)
    code, ended = ends(), False
    try:
        ended = worker.stop()
    finally:
        for number in STOPS:
            signal.signal(number, signal.SIG_IGN)  # Python's exit would give one more its default: death by a signal
        if not ended:
            _leave_jobs_behind(code)
    return code


def _leave_jobs_behind(code: int) -> None:
    """Exit although jobs still run: one that hangs would hold the process for ever."""
    if sys.exc_info()[0]:
        log.critical("the worker broke as it stopped", exc_info=True)
    logging.shutdown()
    os._exit(1 if sys.exc_info()[0] else code)


def _ends() -> Callable[[], int]:
    """Waits until the worker is to end and returns its exit code: 0 by a signal, 1 when one of its threads died. (It is
    of no use then; its supervisor starts it again.)

    Signals wake it through a pipe: one that comes just before Python waits for a lock, or that another thread gets,
    would not end that wait.
    """
    ends, told = os.pipe()
    os.set_blocking(told, False)
    signal.set_wakeup_fd(told, warn_on_full_buffer=False)  # writes a signal's number, which is never 0
    for number in STOPS:
        signal.signal(number, lambda *_: None)

    def thread_died(died: threading.ExceptHookArgs) -> None:
        logs.thread_broke(died)
        if died.thread and died.thread.name.startswith(OWN_THREADS):
            log.critical("%s died, as the line above says; this worker ends, to be started again", died.thread.name)
            os.write(told, DIED)

    threading.excepthook = thread_died
    return lambda: int(os.read(ends, 1) == DIED)


if __name__ == "__main__":
    sys.exit(main())
