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


def main() -> int:
    """Run until SIGTERM or SIGINT. Returns the exit code: 2 when the settings or aomi.yaml are wrong."""
    began = time.monotonic()
    stop = threading.Event()

    def asked_to_stop(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, asked_to_stop)
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
    if not worker.stop():
        logging.shutdown()
        os._exit(0)  # a job that hangs would hold the process for ever
    return 0


if __name__ == "__main__":
    sys.exit(main())
