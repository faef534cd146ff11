"""Logs: one readable line an event, on stderr. Session ids are bearer secrets and show 8 characters."""

from __future__ import annotations

import logging

FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


def setup(level: str) -> None:
    """Write the log of this process at `level`; libraries only from WARNING on."""
    logging.basicConfig(format=FORMAT, datefmt="%H:%M:%S", level=logging.WARNING, force=True)
    for name in ("rq.worker", "rq.queue", "rq.job"):
        logging.getLogger(name).setLevel(logging.ERROR)
    for name in ("app", "workers"):
        logging.getLogger(name).setLevel(level)


def short(session_id: str) -> str:
    """A session id as logs may show it."""
    return session_id[:8]
