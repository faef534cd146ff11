"""A run of the tests that is broken off in the middle leaves no process and no folder behind."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from tests.support import processes, watchdog
from tests.support.backend import ROOT
from tests.support.patience import until

pytestmark = pytest.mark.exhaustive

TESTS = '''
import os, subprocess, sys, time
from tests.support import processes, watchdog
from tests.support.terminal import terminal

DAEMON = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
time.sleep(600)
"""

def wait(folder, name):
    (folder / "here").write_text(str(os.getpid()))
    (folder / "here").rename(os.path.join(os.environ["TELLS"], name))
    time.sleep(600)

def test_web(backend, tmp_path):
    backend.web()
    wait(tmp_path, "web")

def test_worker(backend, tmp_path):
    backend.begin_worker()
    processes.start([sys.executable, "-c", DAEMON])
    with terminal(["-c", "import time; time.sleep(600)"], dict(os.environ)):
        wait(tmp_path, "worker")
'''
"""Two tests that hang: behind one stands a web and its Redis, behind the other a worker, a daemon and a terminal."""


class Run:
    """A run of these tests by two processes, in the middle of both. `pids` are those of the processes by test."""

    def __init__(self, folder: Path) -> None:
        tests, told = folder / "test_hanging.py", folder / "told"
        tests.write_text(TESTS)
        told.mkdir()
        self.folders = folder / "folders"
        command = [sys.executable, "-m", "pytest", "-p", "xdist.plugin", "-n", "2", "-p", "tests.conftest"]
        self.process = processes.start(
            [*command, "--basetemp", self.folders, "--rootdir", folder, "-c", ROOT / "pyproject.toml", tests],
            cwd=ROOT,
            env=os.environ | {"TELLS": str(told), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        )
        names = ("web", "worker")
        until(lambda: all((told / name).exists() for name in names) or self.process.poll(), 90, "both tests")
        assert self.process.poll() is None
        self.pids = {name: int((told / name).read_text()) for name in names}

    def started_by(self, pid: int) -> list[psutil.Process]:
        """What runs on behalf of a process, and itself."""
        return watchdog.family(psutil.Process(pid))


@pytest.fixture
def run(tmp_path):
    started = Run(tmp_path)
    yield started
    processes.end(started.process)


def gone(started: list[psutil.Process]) -> None:
    until(lambda: not any(map(runs, started)), 60, "the processes to end")


def runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.exhaustive), signal.SIGKILL])
def test_a_run_that_is_broken_off_leaves_nothing(run, number):
    started = run.started_by(run.process.pid)
    assert len(started) >= 11  # pytest, its two, two watchdogs and Redis, a web of two, the daemon's two, the terminal
    os.killpg(run.process.pid, number) if number == signal.SIGINT else run.process.send_signal(number)
    gone(started)
    until(lambda: not any(run.folders.glob("popen-*")), what="the folders to go")


def test_a_process_of_tests_that_is_killed_leaves_nothing_and_spares_the_other(run):
    web, worker = (run.started_by(run.pids[name]) for name in ("web", "worker"))
    web[0].kill()
    gone(web)
    assert all(map(runs, worker))
    started = run.started_by(run.process.pid)
    run.process.send_signal(signal.SIGTERM)
    gone(started)
