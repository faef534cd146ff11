"""Programs that npm has installed here: `make test` does that where npm is."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.support import processes
from tests.support.programs import missing

HERE = Path(__file__).parent


def program(pattern: str, folder: Path = HERE) -> Path:
    """The program below the folder's node_modules; without it a skip, on CI a failure if npm is there."""
    found = sorted((folder / "node_modules").glob(pattern))
    if not found and shutil.which("npm") is None:
        pytest.skip("no npm on this machine")
    return found[0] if found else missing(f"npm has not installed {pattern}: make test-clients does that")


class NodeProcess:
    """A script here that node runs: a command is a line, [name, argument ...] in JSON, and so is its reply."""

    def __init__(self, node: str | Path, script: str, *arguments: str | Path) -> None:
        self._lock = threading.Lock()
        command = [node, HERE / script, *arguments]
        self.process = processes.start(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def call(self, command: str, *args: Any) -> Any:
        """What the script replies to the command."""
        with self._lock:
            self.process.stdin.write(json.dumps([command, *args]) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        assert line, f"{self.process.args} has ended"
        return json.loads(line)
