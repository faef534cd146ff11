"""Ends what tests have started when pytest cannot: a process beside each pytest process, `python watchdog.py`.

It reads a pipe that pytest holds open. A line names a process or a folder, or says that the folders may stay. When the
pipe closes, pytest is gone, in whatever way (its own end, Ctrl-C, SIGTERM, SIGKILL): then it kills the processes that
are left, and removes the folders. The parent-death signal of Linux does less: it fires when the thread ends that
started a process, it spares grandchildren, and macOS has none.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import sys

import psutil

PROCESS, FOLDER, KEEP = "process", "folder", "keep"


def family(process: psutil.Process) -> list[psutil.Process]:
    """It and everything that it has started, directly or not; none if it has ended."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return [process, *process.children(recursive=True)]
    return []


def end(process: psutil.Process) -> None:
    """Kill a process and everything that it has started. A process id that was given to another one is left alone."""
    for one in family(process):
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    processes, folders = [], []
    for line in sys.stdin:
        kind, _, name = line.rstrip("\n").partition(" ")
        if kind == FOLDER:
            folders.append(name)
        elif kind == KEEP:
            folders.clear()
        else:
            with contextlib.suppress(psutil.NoSuchProcess):
                processes.append(psutil.Process(int(name)))
    for process in processes:
        end(process)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
