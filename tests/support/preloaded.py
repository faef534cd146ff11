"""Worker processes in a tenth of the time: forked from one that has loaded litellm, else as `python -m workers` is.

A worker spends four seconds of CPU on that import, and the tests start many of them.
"""

from __future__ import annotations

import contextlib
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
import threading
from importlib import import_module
from pathlib import Path
from typing import IO

AVAILABLE = hasattr(os, "pidfd_open")

_ordering = threading.Lock()
"""One order at a time, and one process that forks: backends may be started side by side."""


class Forked:
    """One such process, with the part of `subprocess.Popen` that the tests use."""

    def __init__(self, environment: dict[str, str], cwd: Path, output: IO[bytes]) -> None:
        self.returncode: int | None = None
        self._news, theirs = socket.socketpair()
        order = json.dumps([environment, str(cwd)]).encode()
        with theirs, _ordering:
            socket.send_fds(_forker(), [len(order).to_bytes(4, "big")], [output.fileno(), theirs.fileno()])
            _forker().sendall(order)
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
                raise subprocess.TimeoutExpired("python -m workers", timeout or 0) from None
            self._news.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send the signal if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def _hear(self) -> bytes:
        return self._news.recv(16) or str(-signal.SIGKILL).encode()


@functools.cache
def _forker() -> socket.socket:
    """Starts the process that forks, which ends when this one does."""
    ours, theirs = socket.socketpair()
    with theirs:
        environment = os.environ | {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
        command = [sys.executable, "-m", __name__, str(theirs.fileno())]
        subprocess.Popen(command, env=environment, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
    return ours


def _serve(orders: socket.socket) -> None:
    """Fork for each order, tell who ended; in the child, return what it is to be."""
    import_module(
        "litellm.llms.openai.chat.gpt_transformation"
    )  # the part that takes long, as workers.models.llm has it
    import_module("rq")
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
    head, fds, _, _ = socket.recv_fds(orders, 4, 2)
    if not head:
        return False
    environment, cwd = json.loads(orders.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL))
    output, news = fds
    pid = os.fork()
    if pid == 0:
        for key in list(ready.get_map().values()):
            os.close(key.fd)
        _become(environment, cwd, output, news)
    os.close(output)
    os.write(news, str(pid).encode())
    ready.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, news))
    return True


def _become(environment: dict[str, str], cwd: str, output: int, news: int) -> None:
    """Be `python -m workers`, in this very process. Never returns."""
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    os.close(news)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    sys.argv = ["workers"]
    runpy.run_module("workers", run_name="__main__", alter_sys=True)
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
    _serve(socket.socket(fileno=int(sys.argv[1])))
