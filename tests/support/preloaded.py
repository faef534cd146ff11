"""Python processes in a tenth of the time: forked from one that has the modules loaded already.

A worker spends four seconds of CPU on the import of litellm, a web one and a half, an `aomi` command one; tests start
hundreds.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import gc
import json
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import termios
import threading
from collections.abc import Sequence
from importlib import import_module, metadata
from pathlib import Path

from tests.support import processes

AVAILABLE = hasattr(os, "pidfd_open")

LOADED = {
    "workers": (
        "litellm.llms.openai.chat.gpt_transformation",
        "rq",
        "app.commands.chat.backend",
        "app.commands.inspect.command",
        "app.commands.keys",
        "app.commands.sessions",
        "app.commands.usage",
    ),
    "gunicorn": ("asyncio", "jinja2", "opentelemetry.sdk.metrics", "pydantic", "pydantic_settings", "yaml"),
}
"""What a process that forks has loaded, by the module that its children are to be. Only parts that take long, that
do not look at the terminal when they are imported, as readline does, and, for gunicorn, that gevent may patch later."""

FORKER = {"workers": "workers", "workers.check": "workers", "app.commands.cli": "workers", "gunicorn": "gunicorn"}
"""The modules that can be started so, and which process forks for each."""


_ordering = threading.Lock()
"""One order at a time, and one process that forks: backends may be started side by side."""


def preloads(command: Sequence[str | os.PathLike[str]]) -> bool:
    """Whether a command can be started so: it is `python -m` with one of these modules."""
    return AVAILABLE and list(command[:2]) == [sys.executable, "-m"] and command[2] in FORKER


class Forked:
    """One such process, with the part of `subprocess.Popen` that the tests use.

    `files` are stdin, stdout and stderr. With `session` it leads a session of its own, whose terminal is its stdin.
    """

    def __init__(
        self,
        command: Sequence[str | os.PathLike[str]],
        environment: dict[str, str],
        cwd: Path,
        files: tuple[int, int, int],
        session: bool = False,
    ) -> None:
        self.args = command
        self.returncode: int | None = None
        self._news, theirs = socket.socketpair()
        order = json.dumps([[str(part) for part in command[2:]], environment, str(cwd), session]).encode()
        with theirs, _ordering:
            forker = _forker(FORKER[str(command[2])])
            socket.send_fds(forker, [len(order).to_bytes(4, "big")], [*files, theirs.fileno()])
            forker.sendall(order)
        self.pid = int(self._hear())

    def poll(self) -> int | None:
        """The exit code, None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, once it has ended."""
        if self.returncode is None:
            self._news.settimeout(timeout)
            try:
                self.returncode = int(self._hear())
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired(self.args, timeout or 0) from None
            self._news.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send the signal if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def _hear(self) -> bytes:
        return self._news.recv(16) or str(-signal.SIGKILL).encode()


@functools.cache
def _forker(kind: str) -> socket.socket:
    """Starts the process that forks for a kind of `LOADED`. It ends when this one does."""
    ours, theirs = socket.socketpair()
    with theirs:
        environment = os.environ | {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
        command = [sys.executable, "-m", __name__, kind, str(theirs.fileno())]
        processes.start(command, env=environment, pass_fds=[theirs.fileno()])
    return ours


def _serve(kind: str, orders: socket.socket) -> None:
    """Fork for each order and report the children that ended, until nobody orders any more."""
    for name in LOADED[kind]:
        import_module(name)
    # gevent reads the entry points of all packages 25 times while it patches: a third of a web's start
    metadata.entry_points = functools.cache(metadata.entry_points)
    gc.freeze()
    with selectors.DefaultSelector() as ready:
        ready.register(orders, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                if key.fileobj is not orders:
                    _report(ready, key)
                elif not _fork(ready, orders):
                    return


def _fork(ready: selectors.BaseSelector, orders: socket.socket) -> bool:
    """Carry out an order. False in the one process that is to end: this one, as nobody orders any more."""
    head, fds, _, _ = socket.recv_fds(orders, 4, 4)
    if not head:
        return False
    arguments, environment, cwd, session = json.loads(orders.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL))
    *files, news = fds
    pid = os.fork()
    if pid == 0:
        for fd in [key.fd for key in ready.get_map().values()]:
            os.close(fd)
        os.close(news)
        _stand_alone(files, session)
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(cwd)
        _become(arguments)
    for fd in files:
        os.close(fd)
    os.write(news, str(pid).encode())
    ready.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, news))
    return True


def _stand_alone(files: list[int], session: bool) -> None:
    """Have a process group or a session, and stdin, stdout and stderr, as a process of `processes.start` has."""
    if session:
        os.setsid()
    else:
        os.setpgid(0, 0)
    for place, fd in enumerate(files):
        os.dup2(fd, place)
        os.close(fd)
    if session:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - they stay open
    sys.stdout = open(1, "w", buffering=1, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, closefd=False, errors="backslashreplace")  # noqa: SIM115


def _become(arguments: list[str]) -> None:
    """Be `python -m` with these arguments, in this very process. Never returns."""
    module, *rest = arguments
    sys.argv = [module, *rest]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    raise SystemExit


def _report(ready: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
    """Tell of a process that has ended."""
    pid, news = key.data
    _, status = os.waitpid(pid, 0)
    with contextlib.suppress(BrokenPipeError):
        os.write(news, str(os.waitstatus_to_exitcode(status)).encode())
    os.close(news)
    ready.unregister(key.fileobj)
    os.close(key.fd)


if __name__ == "__main__":
    _serve(sys.argv[1], socket.socket(fileno=int(sys.argv[2])))
