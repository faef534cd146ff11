"""Processes on free ports of the loopback, each with a log of its own, each ended by its id."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).parents[1]
WITHIN = 300.0
"""Seconds in which a process must be ready."""


class Child:
    """A process that is asked over a pipe: a JSON object a line in, an answer a line out."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def ask(self, **question: Any) -> Any:
        """Its answer. Raises `RuntimeError` when it has died."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the process was started without pipes")
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        line = await asyncio.to_thread(self._process.stdout.readline)
        if not line:
            raise RuntimeError(f"{self._process.args!r} died; its log says why")
        return json.loads(line)


class Processes:
    """A context in which processes are started; at its end all of them are ended, and their logs are gone."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="aomi-bench-")
        self.folder = Path(self._folder.name)
        self._running: list[subprocess.Popen[str]] = []
        mine = {name: value for name, value in os.environ.items() if not name.startswith(("AOMI_", "REDIS_", "WEB_"))}
        self._environment = mine | {
            "HOST": "127.0.0.1",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "PYTHONUNBUFFERED": "1",
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.end_since(0)
        self._folder.cleanup()

    @property
    def count(self) -> int:
        """How many have been started."""
        return len(self._running)

    def end_since(self, count: int) -> None:
        """End those that were started when there were `count`, and later, the last ones first."""
        ending = self._running[count:][::-1]
        del self._running[count:]
        for process in ending:
            process.terminate()
        for process in ending:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def start(self, name: str, *command: str, cwd: str = "", **environment: str) -> subprocess.Popen[str]:
        """Start a process; its output goes to a log of its own."""
        return self._start(name, command, environment, cwd=cwd, piped=False)

    def child(self, name: str, module: str, *options: str, **environment: str) -> Child:
        """Start a Python module that is asked over a pipe."""
        return Child(self._start(name, (sys.executable, "-m", module, *options), environment, piped=True))

    def _start(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], *, piped: bool, cwd: str = ""
    ) -> subprocess.Popen[str]:
        with self.log(name).open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=cwd or ROOT,
                env={**self._environment, **environment},
                stdin=subprocess.PIPE if piped else subprocess.DEVNULL,
                stdout=subprocess.PIPE if piped else log,
                stderr=log,
                text=True,
            )
        self._running.append(process)
        return process

    def log(self, name: str) -> Path:
        """Where the output of the process goes."""
        return self.folder / f"{name}.log"

    def until(self, name: str, process: subprocess.Popen[str], ready: Callable[[], bool]) -> None:
        """Wait until `ready`. Raises `RuntimeError` with the process's last words when it dies or takes too long."""
        deadline = time.monotonic() + WITHIN
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{name} did not start:\n{self.log(name).read_text()[-2000:]}")
            time.sleep(0.005)

    def server(self, name: str, *command: str, path: str = "", cwd: str = "", **environment: str) -> tuple[int, int]:
        """Start a server on a free port, which stands for `{port}` in the command and in PORT, and wait until it
        listens, or answers 200 at `path`. Its pid and port."""
        port = free_port()
        parts = [part.replace("{port}", str(port)) for part in command]
        process = self.start(name, *parts, cwd=cwd, **environment | {"PORT": str(port)})
        self.until(name, process, lambda: serves(port, path) if path else listens(port))
        return process.pid, port


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def listens(port: int) -> bool:
    """Whether somebody does on the port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def serves(port: int, path: str) -> bool:
    """Whether the server on the port answers 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
