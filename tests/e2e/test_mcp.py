"""Turns of an app with the tools of an MCP server: web, worker, server and provider are real processes."""

from __future__ import annotations

import json
import os
import signal
import sys
import time

import psutil
import pytest
import yaml

from tests.support import processes
from tests.support.backend import ROOT, Backend, configuration, redis_running
from tests.support.client import Client, kinds
from tests.support.images import PNG
from tests.support.patience import patient, setting, until
from tests.support.servers import Calls, Provider, Text, serving

SDK = ("mcp", "mcp_types", "httpx2", "starlette")


@pytest.fixture(scope="module")
def provider():
    return Provider()


@pytest.fixture(scope="module")
def journal(tmp_path_factory):
    return tmp_path_factory.mktemp("journal") / "journal"


@pytest.fixture(scope="module")
def backend(tmp_path_factory, provider, journal):
    folder = tmp_path_factory.mktemp("mcp")
    with serving(provider.handle) as url, redis_running(folder) as redis_url:
        content = configuration(url)
        server = {"command": sys.executable, "args": ["-m", "tests.support.mcp_server"]}
        content["mcp_servers"] = {
            "tests": server | {"env": {"MCP_JOURNAL": str(journal)}},
            "hung": {"command": sys.executable, "args": ["-c", "import sys; sys.stdin.read()"]},
        }
        seeing = {"id": "default", "model": "seeing", "tools": ["GetCurrentTime", "mcp:tests/*"]}
        hung = {"id": "hung", "model": "scripted", "tools": ["mcp:hung/*"]}
        content["apps"] = [seeing, hung]
        (folder / "aomi.yaml").write_text(yaml.safe_dump(content))
        environment = {"AOMI_CONFIG": str(folder / "aomi.yaml"), "TEST_API_KEY": "sk-x", "AOMI_LEASE": setting(2)}
        backend = Backend(folder, redis_url, environment | {"AOMI_TOOL_TIMEOUT": setting(20), "AOMI_GRACE": "1"})
        yield backend
        backend.stop()


@pytest.fixture(scope="module")
def web(backend):
    return backend.web()[1]


@pytest.fixture(scope="module")
def worker(backend):
    return backend.worker()


@pytest.fixture
def ask(web, worker, provider):
    def ask(word, *calls):
        """The results of these calls in a turn of their own; the requests that the provider got."""
        client = Client(web)
        text = provider.script(word, [Calls(list(calls))], [Text(["done"])])
        events = client.ask(text)
        assert kinds(events)[-1] == "complete", events
        return [event["result"] for event in events if event["type"] == "tool_result"], provider.requests(text)

    return ask


def test_a_model_calls_a_tool_of_a_server_and_reads_its_result(ask):
    results, requests = ask("add with mcp", ("tests__add", {"a": 1, "b": 2}))
    assert results == [{"result": 3}]
    offered = [tool["function"]["name"] for tool in requests[0].body["tools"]]
    assert {"GetCurrentTime", "tests__add", "tests__draw"} <= set(offered)
    (told,) = [message for message in requests[1].messages if message["role"] == "tool"]
    assert json.loads(told["content"]) == {"result": 3}


def test_its_image_is_a_file_of_the_session_that_the_model_sees(ask, provider):
    (result,), _ = ask("draw with mcp", ("tests__draw", {}))
    assert (result["media_type"], result["bytes"]) == ("image/png", len(PNG))
    (mixed,), _ = ask("mix with mcp", ("tests__mixed", {}))
    assert mixed["files"][0]["media_type"] == "image/png"
    assert "data:image/png;base64," in json.dumps(provider.seen[-1].messages)


def test_a_large_result_and_a_dead_server_are_errors_and_the_turn_goes_on(ask):
    (large,), _ = ask("large with mcp", ("tests__large", {"size": 100_000}))
    assert "ask for less" in large["error"]
    (dead,), _ = ask("die with mcp", ("tests__die", {}))
    assert "its process has ended" in dead["error"]
    assert ask("again with mcp", ("tests__add", {"a": 2, "b": 2}))[0] == [{"result": 4}]


def test_an_interrupt_ends_the_stream_at_once_and_the_call_at_the_server(web, worker, provider, journal):
    client = Client(web)
    text = provider.script("wait with mcp", [Calls([("tests__wait", {"seconds": 600})])], [Text(["never"])])
    with client.chat(text) as stream:
        stream.next("tool_call")
        until(lambda: "waits" in journal.read_text(), what="the call at the server")
        began = time.monotonic()
        assert client.interrupt()
        assert kinds(list(stream.events()))[-1] == "complete"
        assert time.monotonic() - began < patient(2)
    until(lambda: "cancelled" in journal.read_text(), what="the cancel at the server")


def test_a_server_that_hangs_is_told_to_the_model_and_delays_no_other_app(web, worker, provider, ask, backend, redis):
    from app.config import Settings
    from app.state.api_keys import ApiKeys
    from app.state.connection import clients
    from app.state.scripts import Store

    settings = Settings(redis_url=backend.redis_url)
    key = ApiKeys(Store(clients.commands(settings), settings)).issue(("hung",), "hung")
    text = provider.script("anything there?", [Text(["no"])])
    assert kinds(Client(web, key).ask(text, app="hung"))[-1] == "complete"
    system = provider.requests(text)[0].messages[0]["content"]
    assert "The tools of 'hung' are not available now" in system
    assert ask("besides", ("tests__add", {"a": 1, "b": 1}))[0] == [{"result": 2}]


def test_the_servers_process_ends_with_a_worker_that_is_killed(backend, web, journal):
    worker = backend.worker()
    until(lambda: any("mcp_server" in " ".join(child.cmdline()) for child in worker.children()), what="the server")
    children = [child for child in worker.children() if "mcp_server" in " ".join(child.cmdline())]
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    backend.processes.remove(worker)
    until(lambda: not any(_runs(child) for child in children), what="the end of the server's process")


def _runs(process):
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


WITHOUT_SERVERS = """
import pathlib
from app import catalog
from workers import process
assert process._mcp_servers(catalog.load(pathlib.Path("aomi.yaml")), None) is None
"""


@pytest.mark.parametrize("start", [WITHOUT_SERVERS, "import app; app.create_app()"], ids=["worker", "web"])
def test_a_process_without_servers_never_loads_the_sdk(start, tmp_path):
    (tmp_path / "aomi.yaml").write_text(
        "model_list:\n  - {model_name: demo, litellm_params: {model: demo/assistant}}\n"
    )
    environment = os.environ | {"REDIS_URL": "redis://127.0.0.1:9/0", "PYTHONPATH": str(ROOT)}
    code = f"{start}\nimport sys\nprint([name for name in sys.modules if name.partition('.')[0] in {SDK}])"
    ran = processes.run([sys.executable, "-c", code], cwd=tmp_path, env=environment)
    assert ran.stdout.strip() == "[]", ran.stderr
