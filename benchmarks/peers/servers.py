"""Starting each peer as its makers say, with the fake provider behind it."""

from __future__ import annotations

import json
import secrets
import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

import yaml

from benchmarks.load import Request
from benchmarks.peers import postgres
from benchmarks.processes import ROOT, Processes
from benchmarks.systems import Served, head, post, provider_request

GRAPH = ROOT / "benchmarks/references/langgraph_chat.py"
SILENT = {"LANGGRAPH_CLI_NO_ANALYTICS": "1", "LANGSMITH_TRACING": "false", "LANGCHAIN_TRACING_V2": "false"}
"""Nothing is told to the makers of LangGraph."""

ENOUGH_JOBS = "400"
"""Turns that LangGraph's server runs side by side: with the ten of its default, 40 of 50 streams would wait."""


@dataclass(frozen=True)
class Place:
    """Where a peer is started: `folder` is its environment, `provider` the fake one's pid and port."""

    processes: Processes
    folder: Path
    provider: tuple[int, int]
    models: list[str]

    @property
    def base(self) -> str:
        """The provider's address, as an OpenAI client takes it."""
        return f"http://127.0.0.1:{self.provider[1]}/v1"

    def program(self, name: str) -> str:
        """A program of the peer's environment."""
        return str(self.folder / "bin" / name)

    def served(self, name: str, server: tuple[int, int], request: Callable[[int, str], Request], **more: int) -> Served:
        """The peer as a system under load. `server`: pid and port; `more`: pids of further processes by kind."""
        pids = {"web": [server[0]], "provider": [self.provider[0]]} | {kind: [pid] for kind, pid in more.items()}
        return Served(name, [server[1]], request, pids)


Start = Callable[[Place], Served]
"""Starts a peer. Raises `RuntimeError` or `OSError` when it cannot."""


def litellm_proxy(place: Place) -> Served:
    """LiteLLM's proxy with one process."""
    common = {"api_base": place.base, "api_key": "none"}
    listed = [{"model_name": name, "litellm_params": common | {"model": f"openai/{name}"}} for name in place.models]
    path = place.processes.folder / "litellm.yaml"
    path.write_text(yaml.safe_dump({"model_list": listed}))
    key = f"sk-{secrets.token_hex(32)}"  # it does not start without one
    options = ("--config", str(path), "--host", "127.0.0.1", "--port", "{port}", "--num_workers", "1")
    server = place.processes.server(
        "litellm-proxy", place.program("litellm"), *options, path="/health/liveliness", LITELLM_MASTER_KEY=key
    )
    return place.served("litellm-proxy", server, partial(provider_request, authorization=f"Bearer {key}"))


def agno(place: Place) -> Served:
    """Agno's AgentOS with SQLite."""
    script = str(ROOT / "benchmarks/references/agno_os.py")
    options = ("--port", "{port}", "--provider", place.base, "--database", str(place.processes.folder / "agno.db"))
    command = (place.program("python"), script, *options, *place.models)
    return place.served("agno", place.processes.server("agno", *command, path="/health"), _agno_request)


def langgraph(place: Place) -> Served:
    """LangGraph's development server, which keeps threads in memory."""
    folder = _graph_folder(place, "langgraph.json")
    options = ("--no-browser", "--no-reload", "--host", "127.0.0.1", "--port", "{port}")
    quiet = ("--server-log-level", "WARNING", "--n-jobs-per-worker", ENOUGH_JOBS)
    command = (place.program("langgraph"), "dev", *options, *quiet)
    environment = SILENT | {"BENCH_PROVIDER": place.base}
    server = place.processes.server("langgraph", *command, path="/ok", cwd=str(folder), **environment)
    return place.served("langgraph", server, _run_request)


def aegra(place: Place) -> Served:
    """Aegra in one process, with a Postgres of its own."""
    database, url = postgres.start(place.processes)
    folder = _graph_folder(place, "aegra.json")
    command = (
        place.program("python"),
        "-m",
        "uvicorn",
        "aegra_api.main:app",
        "--host",
        "127.0.0.1",
        "--port",
        "{port}",
    )
    environment = SILENT | {"BENCH_PROVIDER": place.base, "DATABASE_URL": url, "LOG_LEVEL": "WARNING"}
    environment |= {"AEGRA_CONFIG": "aegra.json", "OTEL_TARGETS": ""}
    server = place.processes.server("aegra", *command, path="/health", cwd=str(folder), **environment)
    return place.served("aegra", server, _run_request, postgres=database)


def _graph_folder(place: Place, configuration: str) -> Path:
    """A folder with the graph and the file that names it; servers write beside it what they keep."""
    folder = place.processes.folder / configuration.removesuffix(".json")
    folder.mkdir()
    shutil.copy(GRAPH, folder)
    (folder / configuration).write_text(
        json.dumps({"dependencies": ["."], "graphs": {"chat": f"./{GRAPH.name}:graph"}})
    )
    return folder


def _agno_request(port: int, model: str) -> Request:
    """A run of an agent, as a stream, in a session of its own."""
    data = urlencode({"message": "hello", "stream": "true"}).encode()
    lines = {"Host": f"127.0.0.1:{port}", "Content-Type": "application/x-www-form-urlencoded"}
    lines |= {"Content-Length": str(len(data))}
    return Request("127.0.0.1", port, head(f"POST /agents/{model}/runs", lines) + data)


def _run_request(port: int, model: str) -> Request:
    """A run of the graph in a thread of its own, as a stream of the model's tokens."""
    given = {"messages": [{"role": "user", "content": "hello"}], "model": model}
    body = {"assistant_id": "chat", "input": given, "stream_mode": ["messages-tuple"], "if_not_exists": "create"}
    return post(port, f"/threads/{uuid.uuid4()}/runs/stream", body, {})
