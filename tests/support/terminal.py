"""A program in a terminal of its own: what a person would see of it, and keys pressed there."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support import commands, processes
from tests.support.patience import patient, until

CTRL_C, CTRL_D = "\x03", "\x04"


class Terminal:
    """`raw` is all that the program has written; `seen` the same without control sequences."""

    def __init__(self, arguments: list[str], environment: dict[str, str]) -> None:
        self._master, slave = pty.openpty()
        command = [sys.executable, *arguments]
        self._process = commands.start(command, environment | {"TERM": "xterm"}, (slave,) * 3, terminal=True)
        os.close(slave)
        self.raw = ""
        self._read_to = 0
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        decoded = b""
        with contextlib.suppress(OSError):
            while data := os.read(self._master, 65536):
                decoded += data
                self.raw = decoded.decode(errors="replace")

    @property
    def seen(self) -> str:
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.raw).replace("\r\n", "\n")

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def line(self, text: str) -> None:
        self.type(f"{text}\r")

    def wait(self, pattern: str, seconds: float = 30) -> re.Match[str]:
        """The next match of the pattern behind the last one."""

        def find() -> re.Match[str] | None:
            return re.compile(pattern).search(self.seen, self._read_to)

        try:
            found = until(find, seconds, pattern)
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.seen[self._read_to :]!r}") from None
        self._read_to = found.end()
        return found

    def prompt(self) -> None:
        self.wait(r"(^|\n|\r)> ")

    def exit_code(self) -> int:
        code = self._process.wait(patient(30))
        self._thread.join(patient(10))
        return code

    def close(self) -> None:
        processes.end(self._process)
        os.close(self._master)


@contextmanager
def terminal(arguments: list[str], environment: dict[str, str]) -> Iterator[Terminal]:
    running = Terminal(arguments, environment)
    try:
        yield running
    finally:
        running.close()
