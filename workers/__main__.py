"""`python -m workers`: a worker process. SIGTERM lets running turns finish for AOMI_GRACE seconds."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from types import FrameType

import click

from app import catalog, config, logs
from app.errors import ConfigError

log = logging.getLogger("workers")

OWN_THREADS = "aomi "
"""The names of this worker's own threads begin so; those of tools do not."""


def main() -> int:
    """Run until SIGTERM or SIGINT. Returns the exit code: 2 when the settings or aomi.yaml are wrong, 1 when a part
    of the worker died."""
    began = time.monotonic()
    stop, crashed = _end_events()
    try:
        settings = config.load()
        logs.setup(settings.log_level)
        catalog.check(settings.config)
        from workers.process import Worker  # loads litellm, which takes seconds: a mistake is told before

        worker = Worker(settings)
    except ConfigError as error:
        click.echo(f"aomi worker: {error}", err=True)
        return 2
    worker.start()
    log.info("worker %s takes jobs after %.1f s", worker.name, time.monotonic() - began)
    stop.wait()
    ended = worker.stop()
    if not ended:
        logging.shutdown()
        os._exit(int(crashed.is_set()))  # a job that hangs would hold the process for ever
    return int(crashed.is_set())


def _end_events() -> tuple[threading.Event, threading.Event]:
    """One is set by a signal or a crash, the other by a crash alone: without one of its threads a worker is of no
    use, and its supervisor starts it again."""
    stop, crashed = threading.Event(), threading.Event()

    def asked_to_stop(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    def thread_died(died: threading.ExceptHookArgs) -> None:
        threading.__excepthook__(died)
        if died.thread and died.thread.name.startswith(OWN_THREADS):
            log.critical("%s died; this worker ends", died.thread.name)
            crashed.set()
            stop.set()

    threading.excepthook = thread_died
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, asked_to_stop)
    return stop, crashed


if __name__ == "__main__":
    sys.exit(main())
