"""Whether this process should get new requests: what `/readyz` reports to load balancers."""

from __future__ import annotations

from typing import cast

from flask import Flask, current_app

from app import background
from app.errors import NotReady
from app.web.current import services


class Readiness:
    """The state of this web process. It is `stopping` from SIGTERM on."""

    def __init__(self) -> None:
        self.stopping = False

    def check(self) -> None:
        """Raises `NotReady`, which says why, and `Unavailable`."""
        if self.stopping:
            raise NotReady("This web process is stopping; send requests to another one")
        if refusal := services().write_check.refusal():
            raise NotReady(f"Redis takes no writes: {refusal}")
        if not services().jobs.workers():
            raise NotReady(
                "No worker has sent a heartbeat lately: it is still loading, or start one with: python -m workers"
            )
        if broken := background.broken_loops():
            raise NotReady(f"Background threads of this web process are broken; its log says why: {', '.join(broken)}")


def register(app: Flask) -> None:
    """Let `app` keep its readiness."""
    app.extensions["aomi_readiness"] = Readiness()


def check() -> None:
    """The check of the current app. Raises `NotReady`, `Unavailable`."""
    cast(Readiness, current_app.extensions["aomi_readiness"]).check()
