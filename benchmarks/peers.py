"""Peers that take a heavy install, each in an environment of its own under .venv-peers (`make bench-peers`)."""

from __future__ import annotations

from urllib.parse import urlencode

import yaml

from benchmarks.load import Request
from benchmarks.stack import ROOT, Processes
from benchmarks.systems import Served, System, head, provider_request

ENVIRONMENTS = ROOT / ".venv-peers"


def start(processes: Processes, provider: tuple[int, int], models: list[str]) -> list[System]:
    """Those that are installed. `provider`: pid and port of the fake one."""
    base = f"http://127.0.0.1:{provider[1]}/v1"
    found: list[System] = []
    if (ENVIRONMENTS / "litellm").exists():
        pid, port = _litellm_proxy(processes, base, models)
        found.append(Served("litellm-proxy", [port], provider_request, {"web": [pid], "provider": [provider[0]]}))
    if (ENVIRONMENTS / "agno").exists():
        pid, port = _agno(processes, base, models)
        found.append(Served("agno", [port], agno_request, {"web": [pid], "provider": [provider[0]]}))
    return found


def _litellm_proxy(processes: Processes, base: str, models: list[str]) -> tuple[int, int]:
    common = {"api_base": base, "api_key": "none"}
    listed = [{"model_name": name, "litellm_params": common | {"model": f"openai/{name}"}} for name in models]
    path = processes.folder / "litellm.yaml"
    path.write_text(yaml.safe_dump({"model_list": listed}))
    program = str(ENVIRONMENTS / "litellm/bin/litellm")
    command = (program, "--config", str(path), "--host", "127.0.0.1", "--port", "{port}", "--num_workers", "1")
    return processes.server("litellm-proxy", *command, path="/health/liveliness", NO_DOCS="True")


def _agno(processes: Processes, base: str, models: list[str]) -> tuple[int, int]:
    program = str(ENVIRONMENTS / "agno/bin/python")
    script = str(ROOT / "benchmarks/references/agno_os.py")
    options = ("--port", "{port}", "--provider", base, "--database", str(processes.folder / "agno.db"))
    return processes.server("agno", program, script, *options, *models, path="/health")


def agno_request(port: int, model: str) -> Request:
    """A run of an agent, as a stream, in a session of its own."""
    data = urlencode({"message": "hello", "stream": "true"}).encode()
    lines = {"Host": f"127.0.0.1:{port}", "Content-Type": "application/x-www-form-urlencoded"}
    lines |= {"Content-Length": str(len(data))}
    return Request("127.0.0.1", port, head(f"POST /agents/{model}/runs", lines) + data)
