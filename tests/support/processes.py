"""Starts the processes of the tests. All of them end with the tests, also when those fail or are interrupted.

Each leads a process group of its own, so that Ctrl-C reaches pytest alone, which ends them in order; a watchdog
(`watchdog.py`) ends them when pytest itself is killed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import psutil

from tests.support import watchdog
from tests.support.patience import patient

Command = Sequence[str | os.PathLike[str]]


class Running(Protocol):
    """The part of `subprocess.Popen` that is needed to end a process."""

    pid: int

    def send_signal(self, number: int) -> None: ...

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...


R = TypeVar("R", bound=Running)


def start(command: Command, **more: Any) -> subprocess.Popen[Any]:
    """`subprocess.Popen`, in a process group of its own unless `start_new_session` asks for more."""
    if not more.get("start_new_session"):
        more["process_group"] = 0
    return mind(subprocess.Popen(command, **{"stdin": subprocess.DEVNULL} | more))


def mind(process: R) -> R:
    """See to it that a process that runs already ends with the tests."""
    _started.append(process)
    _watchdog.tell(watchdog.PROCESS, process.pid)
    return process


def run(
    command: Command, *, input: str | None = None, seconds: float = 60, check: bool = False, **more: Any
) -> subprocess.CompletedProcess[str]:
    """`subprocess.run` with its output as text; fails when it takes longer than `seconds`, more on a busy machine."""
    stdin = subprocess.DEVNULL if input is None else subprocess.PIPE
    pipes = {"stdin": stdin, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = start(command, **pipes | more)
    try:
        out, err = process.communicate(input, timeout=patient(seconds))
    finally:
        end(process)
    assert process.returncode == 0 or not check, f"{command}: {err}"
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def stop(process: Running, number: signal.Signals = signal.SIGTERM, seconds: float = 45) -> int:
    """Send a signal and return the exit code; fails, and kills the process, when it goes on beyond `seconds`."""
    process.send_signal(number)
    try:
        return process.wait(patient(seconds))
    finally:
        end(process)


def end(*processes: Running) -> None:
    """Kill those that still run, with everything that they have started, and wait for their end."""
    for process in processes:
        if process.poll() is None:
            with contextlib.suppress(psutil.NoSuchProcess):
                watchdog.end(psutil.Process(process.pid))
            process.wait(patient(30))
        if process in _started:
            _started.remove(process)


def end_all() -> None:
    """End whatever is left at the end of the run."""
    end(*reversed(_started))


def remove_if_interrupted(folder: Path) -> None:
    """A folder that goes with the processes when pytest does not come to its end."""
    _watchdog.tell(watchdog.FOLDER, folder)


def keep_folders() -> None:
    """Pytest has come to its end: it sees to its folders itself."""
    _watchdog.tell(watchdog.KEEP)


class _Watchdog:
    """The process that ends what is left. It is started with the first process, in a session that no signal reaches."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: list[str] = []
        self._process: subprocess.Popen[str] | None = None

    def tell(self, kind: str, name: object = "") -> None:
        line = f"{kind} {name}\n"
        with self._lock:
            if self._process is None:
                self._told.append(line)
                if kind != watchdog.PROCESS:
                    return  # there is nothing to end yet
                command = [sys.executable, watchdog.__file__]
                self._process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, start_new_session=True)
                line = "".join(self._told)
            self._process.stdin.write(line)
            self._process.stdin.flush()


_started: list[Running] = []
_watchdog = _Watchdog()
