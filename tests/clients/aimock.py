"""aimock, npm's simulator of model providers, as a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.clients import npm
from tests.support import processes
from tests.support.backend import answers, free_port
from tests.support.client import PLAIN
from tests.support.patience import until
from tests.support.programs import needed

HERE = Path(__file__).parent
PROGRAM = "@copilotkit/aimock/dist/cli.js"


@dataclass(frozen=True)
class Aimock:
    """A running simulator at `url`."""

    url: str

    def requests(self, text: str) -> list[dict[str, Any]]:
        """What it has seen of the requests whose body holds the text, oldest first: `path`, `body`, `response`."""
        entries = httpx.get(f"{self.url}/__aimock/journal", **PLAIN).raise_for_status().json()
        return [entry for entry in entries if text in str(entry["body"])]


@contextmanager
def running(output: Path) -> Iterator[Aimock]:
    """The simulator with the answers of aimock.json; a request that none of them matches is an error."""
    port = free_port()
    command = [needed("node"), str(npm.program(PROGRAM)), "--port", str(port), "--fixtures", str(HERE / "aimock.json")]
    command += ["--strict", "--validate-on-load", "--journal-max", "0"]
    with output.open("wb") as file:
        process = processes.start(command, stdout=file, stderr=file)
    try:
        until(lambda: answers(port) or process.poll() is not None, what="aimock")
        assert process.poll() is None, output.read_text()
        yield Aimock(f"http://127.0.0.1:{port}")
    finally:
        processes.stop(process)
