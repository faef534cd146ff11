"""The receivers of docs/webhooks.md as programs, told a message, the same message again, and one that is not ours."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.catalog.webhooks import signing_key
from tests.support import processes
from tests.support.backend import answers, free_port
from tests.support.patience import patient, until
from tests.support.receiver import SECRET
from workers.webhooks import sending, signing

BODY = (
    '{"type":"turn.completed","timestamp":"t","data":{"outcome":"complete","messages":[{"content":"ü 🙂"}]}}'.encode()
)


@contextmanager
def receiving(command: list[str], folder: Path) -> Iterator[tuple[Any, int]]:
    """The program, run with the secret of the tests, and its port."""
    port = free_port()
    environment = os.environ | {"WEBHOOK_SECRET": SECRET, "RECEIVER_PORT": str(port)}
    process = processes.start(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        until(lambda: answers(port), what="the receiver")
        yield process, port
    finally:
        processes.stop(process)


def statuses_and_output(command: list[str], folder: Path) -> tuple[list[int], str]:
    """The statuses of its responses, and the first line that it prints."""
    ours, now = signing_key(SECRET), int(time.time())
    with receiving(command, folder) as (process, port):
        attempts = [(ours, now), (ours, now), (b"x" * 32, now), (ours, now - 3600)]
        statuses = [
            sending.post(
                f"http://127.0.0.1:{port}/", signing.headers([key], "msg_1", at, BODY), BODY, patient(10)
            ).status
            for key, at in attempts
        ]
        return statuses, process.stdout.readline()
