"""The backend as users run it: gunicorn and worker processes against a real Redis, all on free ports."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import redis as redis_py

from app.commands.redis_server import find_server
from app.config import Settings
from app.errors import ConfigError
from app.state import redis_keys
from app.state.accounts.api_keys import ApiKeys
from app.state.scripts import Store
from tests.support import commands, processes
from tests.support.commands import ROOT as ROOT
from tests.support.patience import patient, until
from tests.support.programs import missing
from tests.support.skewed import skewed

DEMO_ALONE = "model_list:\n  - {model_name: demo, litellm_params: {model: demo/assistant}}\n"
"""An aomi.yaml with the demo's model and the app `default`."""

WORKER = [sys.executable, "-m", "workers"]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def redis_server() -> str:
    """The server to test with, as `make run` finds it. Without one: a skip, on CI a failure."""
    try:
        return find_server().path
    except ConfigError as error:
        return missing(str(error))


@contextmanager
def redis_running(folder: Path, program: str = "") -> Iterator[str]:
    """A real Redis of one's own, or another server; yields its URL."""
    port = free_port()
    command = [
        program or redis_server(),
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--dir",
        str(folder),
        "--save",
        "",
    ]
    process = processes.start(command, stdout=subprocess.DEVNULL)
    try:
        until(lambda: answers(port), what="redis-server")
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        processes.stop(process)


@contextmanager
def program_running(
    command: processes.Command, environment: dict[str, str], output: Path, is_up: Callable[[], bool], what: str
) -> Iterator[None]:
    """Another program, from the time when it is up; `environment` is added to ours, its output is in a file."""
    with output.open("w") as log:
        program = processes.start(command, env=os.environ | environment, stdout=log, stderr=log)
    try:
        until(lambda: is_up() or program.poll() is not None, 180, what)
        yield
    finally:
        processes.stop(program)


class AppendOnlyRedis:
    """A Redis that keeps all it was told, on one port, through restarts."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._command = [redis_server(), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder)]
        self._command += ["--save", "", "--appendonly", "yes", "--appendfsync", "always"]
        self.start()

    @property
    def master_url(self) -> str:
        """The address of the server itself, as for one that Sentinels watch."""
        return self.url

    def start(self) -> None:
        self.process = processes.start(self._command, stdout=subprocess.DEVNULL)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        processes.stop(self.process, number)


def answers(port: int) -> bool:
    """Whether something listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Process:
    """One process of the backend, its output in a file."""

    def __init__(self, command: list[str], environment: dict[str, str], output: Path) -> None:
        self.output = output
        with output.open("ab") as file:
            self._process: Any = commands.start(command, environment, (None, file, file))

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def log(self) -> str:
        return self.output.read_text()

    def send(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it and its children as a crash of the machine would."""
        processes.end(self._process)

    def children(self) -> list[psutil.Process]:
        """The processes it has started, such as gunicorn's workers."""
        try:
            return psutil.Process(self.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def wait(self, seconds: float = 45) -> int:
        """The exit code, once it has ended by itself."""
        return self._process.wait(patient(seconds))

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = 45) -> int:
        """Send the signal and return the exit code."""
        return processes.stop(self._process, number, seconds)


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
        self._numbers = itertools.count()

    def web(self, port: int = 0, skew: float = 0, **more: str) -> tuple[Process, str]:
        """Start a web process, on a free port unless one is given; returns it and its base URL once it answers. Its
        clock is off by `skew` seconds."""
        port = port or free_port()
        command = [sys.executable, "-m", "gunicorn", "-c", "python:app.serving", "app:create_app()"]
        process = self._start("web", skewed(command, skew) if skew else command, more | {"PORT": str(port)})
        url = f"http://127.0.0.1:{port}"
        until(lambda: succeeds(f"{url}/healthz") or not process.alive, 120, "web process")
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

    def begin_worker(self, skew: float = 0, **more: str) -> Process:
        """Start a worker process and do not wait for it. Its clock is off by `skew` seconds."""
        return self._start("worker", skewed(WORKER, skew) if skew else WORKER, more)

    def connection(self) -> redis_py.Redis:
        """A connection to its Redis, which ends with a `with` block."""
        return redis_py.Redis.from_url(self.redis_url)

    def await_record(self, session_id: str) -> None:
        """Wait until the model call of the session's turn is recorded, if one runs: a worker that dies before has not
        asked, for all that anybody knows."""

        def is_recorded() -> bool:
            run = (redis.hget(redis_keys.session(session_id), "run") or b"").decode()
            fields = redis.hkeys(redis_keys.run(session_id, run))
            return not run or any(field.decode().startswith(redis_keys.model_call_field("")) for field in fields)

        with self.connection() as redis:
            until(is_recorded, what="the record of a model call")

    def key(self) -> str:
        """An API key for every app."""
        with self.connection() as redis:
            return ApiKeys(Store(redis, Settings())).issue(("*",), "tests")

    def stop(self) -> None:
        """End all of them at once, each as SIGTERM does; fails when one of them has to be killed."""
        for process in self.processes:
            process.send(signal.SIGTERM)
        failed = []
        for process in self.processes:
            try:
                process.wait()
            except subprocess.TimeoutExpired:
                failed.append(process.output.name)
                process.kill()
        assert not failed, f"SIGTERM did not end {failed}; their logs are in {self._folder}"

    def _start(self, kind: str, command: list[str], more: dict[str, str]) -> Process:
        output = self._folder / f"{kind}-{next(self._numbers)}.log"
        process = Process(command, self.environment | more, output)
        self.processes.append(process)
        return process


def succeeds(url: str, method: str = "GET") -> bool:
    """Whether a server responds there, and does what it is asked."""
    try:
        return httpx.request(method, url, timeout=1, verify=False, trust_env=False).is_success
    except httpx.TransportError:
        return False


SEES = {"supports_vision": True, "supports_pdf_input": True, "supports_image_url": True}


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
    tools += ["tests.support.tools:Echoes", "tests.support.tools:Refuse", "tests.support.tools:CountWhenTold"]
    tools += ["tests.support.tools:Journal", "tests.support.tools:Jot", "tests.support.tools:Recur"]
    tools += [
        "tests.support.tools:Draw",
        "tests.support.tools:Stamp",
        "tests.support.tools:Pause",
        "tests.support.tools:CountdownLater",
    ]
    tools += ["tests.support.tools:RecurLater", "tests.support.tools:Unfit", "tests.support.tools:Speak"]
    tools += ["tests.support.tools:SpeakLater"]
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
            {"model_name": "seeing", "litellm_params": common, "model_info": info | SEES},
            {
                "model_name": "gateway",
                "litellm_params": common | {"extra_headers": {"X-Gateway-Token": "os.environ/TEST_API_KEY"}},
                "model_info": priced,
            },
            {"model_name": "demo", "litellm_params": {"model": "demo/assistant"}},
        ],
        "apps": [
            {
                "id": "default",
                "name": "Default",
                "model": "demo",
                "models": ["demo", "scripted"],
                "tools": tools[:3],
                "examples": [
                    {"title": "Ask for a price", "text": "What is the current price of ETH?"},
                    "Count to 300",
                ],
            },
            {
                "id": "scripted",
                "name": "Scripted app",
                "model": "scripted",
                "models": ["scripted", "small"],
                "preamble": "Be brief.",
                "fallbacks": ["small"],
                "tools": tools + wallet,
            },
            {"id": "seeing", "name": "Seeing", "model": "seeing", "models": ["seeing", "scripted"], "tools": tools},
            {"id": "own", "name": "Bring your own key", "model": "own"},
            {
                "id": "discreet",
                "name": "Hides what it thinks",
                "model": "scripted",
                "reasoning": "hidden",
                "fallbacks": ["demo"],
            },
            {
                "id": "asking",
                "name": "Asks first",
                "model": "scripted",
                "tools": [f"tests.support.tools:{name}" for name in ("Pay", "Add", "Repeat", "Countdown")],
                "approve": ["Repeat", "Count*"],
                "client_tools": True,
            },
            {"id": "gateway", "name": "Behind a gateway", "model": "gateway"},
            {"id": "titled", "name": "Titled", "model": "demo", "title_model": "scripted"},
            {
                "id": "compact",
                "name": "Sums up",
                "model": "small",
                "preamble": "Be brief.",
                "compact": {"at": 0.5, "model": "scripted", "keep_turns": 2},
            },
        ],
    }
