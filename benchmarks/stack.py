"""The backend and the fake provider, as a user runs them."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from app.commands.redis_server import find_server
from benchmarks.processes import ROOT, Processes


class Backend:
    """Redis, web and worker processes with one configuration; `pids` by kind, `ports` of the webs."""

    def __init__(
        self,
        processes: Processes,
        provider_port: int,
        models: dict[str, dict[str, Any]],
        environment: Mapping[str, str],
    ) -> None:
        self._processes = processes
        self._count = 0
        redis = find_server().path
        folder = tempfile.mkdtemp(dir=processes.folder)
        options = ("--bind", "127.0.0.1", "--save", "", "--appendonly", "yes", "--dir", folder)
        pid, port = processes.server(f"redis-{Path(folder).name}", redis, "--port", "{port}", *options)
        config = Path(folder, "aomi.yaml")
        config.write_text(yaml.safe_dump(configuration(provider_port, models)))
        self.environment = {"REDIS_URL": f"redis://127.0.0.1:{port}/0", "AOMI_CONFIG": str(config), **environment}
        self.pids: dict[str, list[int]] = {"web": [], "worker": [], "redis": [pid]}
        self.ports: list[int] = []

    def hold_back(self, milliseconds: float) -> None:
        """Let Redis be so far away, each way, for processes that are started from now on."""
        port = self.environment["REDIS_URL"].rpartition(":")[2].partition("/")[0]
        options = ("--port", "{port}", "--to", port, "--ms", str(milliseconds))
        _, far = self._processes.server(self._name("delay"), sys.executable, "-m", "benchmarks.delay", *options)
        self.environment["REDIS_URL"] = f"redis://127.0.0.1:{far}/0"

    def web(self) -> None:
        """One more web process, ready."""
        command = (sys.executable, "-m", "gunicorn", "-c", "python:app.serving", "app:create_app()")
        pid, port = self._processes.server(self._name("web"), *command, path="/healthz", **self.environment)
        self.pids["web"].append(pid)
        self.ports.append(port)

    def worker(self) -> None:
        """One more worker process, ready."""
        name = self._name("worker")
        process = self._processes.start(name, sys.executable, "-m", "workers", **self.environment)
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
