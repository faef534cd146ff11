"""Commands of the project, as an operator runs them: `aomi`, web and worker, in processes of their own."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from tests.support import preloaded, processes
from tests.support.patience import patient

ROOT = Path(__file__).parents[2]

_STARTER = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
"""Makes stdin the controlling terminal, so that Ctrl-C is a signal, then becomes the command."""

Files = tuple[IO[Any] | int | None, IO[Any] | int, IO[Any] | int]
"""Stdin, stdout and stderr; None has nothing to read."""


def start(command: Sequence[str], environment: dict[str, str], files: Files, *, terminal: bool = False) -> Any:
    """Start a command in the project's folder, in a tenth of the time where that is possible; a `subprocess.Popen`, or
    a `Forked`. With `terminal` it is the leader of a session, whose terminal is its stdin."""
    if not preloaded.preloads(command):
        return _start(command, environment, files, terminal)
    with open("/dev/null") as nothing:
        fds = [file if isinstance(file, int) else (file or nothing).fileno() for file in files]
        return processes.mind(preloaded.Forked(command, environment, ROOT, tuple(fds), terminal))


def _start(command: Sequence[str], environment: dict[str, str], files: Files, terminal: bool) -> Any:
    stdin, stdout, stderr = files
    if terminal:
        command = [sys.executable, "-c", _STARTER, *command]
    stdin = subprocess.DEVNULL if stdin is None else stdin
    return processes.start(
        command, env=environment, cwd=ROOT, stdin=stdin, stdout=stdout, stderr=stderr, start_new_session=terminal
    )


def aomi(*arguments: str, environment: dict[str, str], input: str = "") -> subprocess.CompletedProcess[str]:
    """Run `aomi` to its end."""
    command = [sys.executable, "-m", "app.commands.cli", *arguments]
    with (
        tempfile.TemporaryFile("w+") as stdin,
        tempfile.TemporaryFile("w+") as out,
        tempfile.TemporaryFile("w+") as err,
    ):
        stdin.write(input)
        stdin.seek(0)
        process = start(command, environment, (stdin, out, err))
        try:
            process.wait(patient(60))
        finally:
            processes.end(process)
        return subprocess.CompletedProcess(command, process.returncode, _content(out), _content(err))


def _content(file: IO[str]) -> str:
    file.seek(0)
    return file.read()
