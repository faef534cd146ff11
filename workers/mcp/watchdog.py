"""Ends the programs of MCP servers when their worker cannot: a process beside the worker, `python watchdog.py`.

A worker that is killed closes the input of its programs. Many programs do not end on that, least of all those behind
`npx`, `uvx` or a shell. The watchdog reads a pipe that the worker holds open. A line `+ID` names the process group of a
program, `-ID` one that has ended. When the pipe closes, the worker is gone, in whatever way. The parent-death signal of
Linux does less: it spares grandchildren, and macOS has none.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable

END_SECONDS = 1.0
"""How long programs may take to end after their input was closed, and again after SIGTERM; then they are killed."""

POLL_SECONDS = 0.05


class Watchdog:
    """Started with the first program. Its methods run in one thread."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._groups: set[int] = set()

    def watch(self, group: int) -> None:
        """End this process group with the worker."""
        self._groups.add(group)
        self._tell(f"+{group}\n")

    def forget(self, group: int) -> None:
        """The process group has ended."""
        self._groups.discard(group)
        self._tell(f"-{group}\n")

    def stop(self) -> None:
        """End the process of the watchdog, and the programs that it still watches."""
        if self._process is not None:
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                self._process.communicate(timeout=3 * END_SECONDS)

    def _tell(self, line: str) -> None:
        if self._process is None or self._process.poll() is not None:
            self._process = _started()
            line = "".join(f"+{group}\n" for group in self._groups)
        assert self._process.stdin
        with contextlib.suppress(OSError):  # it has just been killed: the next line starts another one
            self._process.stdin.write(line.encode())


def _started() -> subprocess.Popen[bytes]:
    """In a session of its own, which no signal to the worker's group reaches."""
    command = [sys.executable, "-I", "-S", __file__]
    silent = subprocess.DEVNULL
    return subprocess.Popen(  # noqa: S603 - our own program
        command, stdin=subprocess.PIPE, stdout=silent, stderr=silent, start_new_session=True, bufsize=0
    )


def end(groups: Iterable[int]) -> None:
    """Wait for the end of process groups; then SIGTERM, then SIGKILL."""
    left = set(groups)
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + END_SECONDS
        while left and time.monotonic() < deadline:
            left = {group for group in left if signalled(group, 0)}
            time.sleep(POLL_SECONDS)
        left = {group for group in left if signalled(group, number)}


def signalled(group: int, number: int) -> bool:
    """Whether the signal reached a process of the group; 0 only asks whether there is one."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        change = groups.add if line[0] == "+" else groups.discard
        change(int(line[1:]))
    end(groups)


if __name__ == "__main__":
    main()
