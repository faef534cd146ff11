"""Tells systemd the state of this process: sd_notify(3), for units with `Type=notify`."""

from __future__ import annotations

import logging
import os
import socket

log = logging.getLogger(__name__)


def notify(state: str) -> None:
    """Send a state, such as `READY=1`. Does nothing unless a supervisor listens (`NOTIFY_SOCKET`)."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
            supervisor.connect(f"\0{address[1:]}" if address.startswith("@") else address)
            supervisor.sendall(state.encode())
    except OSError as error:
        log.warning("systemd was not told %r (%s)", state, type(error).__name__)
