"""Turns of an app with the tools of an MCP server: web, worker, server and provider are real processes."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
import uuid

import openai
import psutil
import pytest
import yaml

from tests.clients import agents, ai_sdk
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
    file = tmp_path_factory.mktemp("journal") / "journal"
    file.touch()
    return file


@pytest.fixture(scope="module")
def backend(tmp_path_factory, provider, journal):
    folder = tmp_path_factory.mktemp("mcp")
    with serving(provider.handle) as url, redis_running(folder) as redis_url:
        content = configuration(url)
        server = {"command": sys.executable, "args": ["-m", "tests.support.mcp_server"]}
        content["mcp_servers"] = {
            "tests": server | {"env": {"MCP_JOURNAL": str(journal), "MCP_STUBBORN": "1"}},
            "long": server | {"env": {"MCP_JOURNAL": str(journal), "MCP_STUBBORN": "1"}, "long": ["climb"]},
            "hung": {"command": sys.executable, "args": ["-c", "import sys; sys.stdin.read()"]},
        }
        seeing = {"id": "default", "model": "seeing", "tools": ["GetCurrentTime", "mcp:tests/*", "mcp:long/climb"]}
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
def worker(backend, journal):
    worker = backend.worker()
    until(lambda: journal.read_text().count("lists") >= 2, 60, what="both servers")
    return worker


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
    from app.state.accounts.api_keys import ApiKeys
    from app.state.connection import clients
    from app.state.scripts import Store

    settings = Settings(redis_url=backend.redis_url)
    key = ApiKeys(Store(clients.commands(settings), settings)).issue(("hung",), "hung")
    text = provider.script("anything there?", [Text(["no"])])
    assert kinds(Client(web, key).ask(text, app="hung"))[-1] == "complete"
    system = provider.requests(text)[0].messages[0]["content"]
    assert "The tools of 'hung' are not available now" in system
    assert ask("besides", ("tests__add", {"a": 1, "b": 1}))[0] == [{"result": 2}]


def test_progress_of_a_call_is_told_to_clients_that_follow_the_session(web, worker, provider):
    client = Client(web)
    calls = Calls([("tests__climb", {"steps": 4, "seconds": 0.5})])
    text = provider.script("climb in the turn", [Text(["ready"])], [calls], [Text(["done"])])
    client.ask(text)
    with client.updates() as updates:
        results = [event for event in client.ask(text) if event["type"] == "tool_result"]
        told = updates.next("tool_update")
    assert [event["result"] for event in results] == [{"result": "on top"}]
    assert told["call_id"] == results[0]["call_id"]
    assert json.loads(told["result"])["total"] == 4


def test_a_long_tool_begins_at_once_and_its_progress_and_result_are_later_steps(web, worker, provider):
    client = Client(web)
    calls = Calls([("long__climb", {"steps": 4, "seconds": 0.5})])
    text = provider.script("climb in the background", [calls], [Text(["it climbs"])])
    with client.updates() as updates:
        events = client.ask(text)
        assert [event["result"] for event in events if event["type"] == "tool_result"] == [{"status": "running"}]
        steps = [updates.next("async_tool_result")]
        while not steps[-1].get("done"):
            steps.append(updates.next("async_tool_result"))
    assert steps[0]["result"]["message"].startswith("step ")
    assert steps[-1]["result"] == {"result": "on top"}


@pytest.mark.long
def test_a_worker_that_is_killed_in_calls_leaves_no_program_and_no_call_is_made_twice(
    backend, web, worker, provider, journal
):
    client, before = Client(web), len(journal.read_text())
    calls = Calls([("long__climb", {"steps": 600, "seconds": 1}), ("tests__wait", {"seconds": 600})])
    text = provider.script("wait for a lost worker", [calls], [Text(["never"])])
    with client.updates() as updates, client.chat(text) as stream:
        stream.next("tool_result")
        programs = until(lambda: _called(journal, before), what="both calls at their servers")
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
        backend.processes.remove(worker)
        until(lambda: not any(map(_runs, programs)), what="the end of the programs")
        backend.worker()
        assert list(stream.events())[-1]["code"] == "worker_lost"
        while not (step := updates.next("async_tool_result")).get("done"):
            pass
    assert "is not made again" in step["result"]["error"]
    assert len(re.findall("waits|climbs", journal.read_text()[before:])) == 2


@pytest.mark.long
def test_a_question_of_a_server_waits_for_its_answer_while_the_worker_is_killed(
    backend, web, worker, provider, journal
):
    """Two questions at once, then one by a page: a turn each, of which no process keeps anything."""
    client = Client(web)
    calls = Calls([("tests__book", {"city": "Rome"}), ("tests__add", {"a": 1, "b": 2})])
    text = provider.script("book a table", [calls], [Text(["Booked."])])
    events = client.ask(text)
    assert [event["result"] for event in events if event["type"] == "tool_result"] == [{"result": 3}]
    (waiting,) = events[-1]["awaiting"]
    for process in [one for one in backend.processes if "worker" in one.output.name]:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        backend.processes.remove(process)
    (pending,) = client.state()["pending"]
    assert (pending["kind"], pending["message"]) == ("elicitation", "How many seats in Rome?")
    seats = {"type": "integer", "minimum": 1, "maximum": 8}
    assert pending["schema"] == {"type": "object", "properties": {"seats": seats}, "required": ["seats"]}
    wrong = [{"result": {"seats": 9}}, {"approve": True}, {"approve": True, "args": {"table": 1}}, {"result": "two"}]
    for answer in wrong:
        refused = client.post("/api/chat", json={"answers": [{"call_id": waiting} | answer]})
        assert (refused.status_code, "'tests__book'" in refused.json()["error"]) == (400, True)
    listed = journal.read_text().count("lists")
    backend.worker()
    until(lambda: journal.read_text().count("lists") >= listed + 2, 60, what="both servers")

    def go_on(**answer):
        with client.streaming("POST", "/api/chat", json={"answers": [{"call_id": waiting} | answer]}) as stream:
            return list(stream.events())

    assert go_on(approve=True, result={"seats": 2}) == [{"type": "complete", "awaiting": [waiting]}]
    assert client.state()["pending"][0]["message"] == "Your name?"
    assert go_on(approve=True, args={"name": "Ann"})[-1]["awaiting"] == [waiting]
    assert client.state()["pending"][0]["url"] == "https://pay.example.com/1"
    result, *said, end = go_on(approve=False)
    assert result["result"] == {"result": "paying 2 Ann Rome: {'pay': 'decline'}"}
    assert ("args" in result, said[0]["content"], end) == (False, "Booked.", {"type": "complete"})
    assert [message["role"] for message in client.state()["messages"]] == ["user", "assistant", "assistant"]


ANSWERS = ({"seats": 2}, {"name": "Ann"}, {"action": "decline"})
"""To the questions of `book`: two forms, and a page that is not visited."""
PAID = "paying 2 Ann Rome: {'pay': 'decline'}"


@pytest.fixture
def booking(provider):
    def script(word):
        return provider.script(word, [Calls([("tests__book", {"city": "Rome"})])], [Text(["Booked."])])

    return script


def test_the_published_package_of_openai_answers_the_questions_of_a_server(web, worker, booking):
    with openai.OpenAI(base_url=f"{web}/v1", api_key="no-key", max_retries=0, timeout=patient(30)) as api:
        response = api.responses.create(model="default", input=booking("book with openai"))
        asked = []
        for answer in ANSWERS:
            call = response.output[-1]
            assert (call.type, call.name) == ("function_call", "elicitation")
            asked.append(json.loads(call.arguments))
            output = {"type": "function_call_output", "call_id": call.call_id, "output": json.dumps(answer)}
            response = api.responses.create(model="default", input=[output], previous_response_id=response.id)
    assert [one["message"] for one in asked[:2]] == ["How many seats in Rome?", "Your name?"]
    assert (asked[0]["schema"]["required"], asked[2]["url"]) == (["seats"], "https://pay.example.com/1")
    assert response.output_text == "Booked."
    assert PAID in response.output[0].output


@pytest.mark.long
def test_the_published_client_of_ag_ui_answers_the_questions_of_a_server(web, worker, booking):
    with agents.running() as packages:
        agent = packages.agui(web, "", app="default")
        agent.send(booking("book with ag-ui"))
        state, asked = agent.done(), []
        for answer in ANSWERS:
            (interrupt,) = state["pendingInterrupts"]
            asked.append(interrupt)
            resume = {"interruptId": interrupt["id"], "status": "resolved", "payload": answer}
            if "action" in answer:
                resume = {"interruptId": interrupt["id"], "status": "cancelled"}
            agent.start("run", None, {"resume": [resume], "runId": str(uuid.uuid4())})
            state = agent.done()
    assert [one["reason"] for one in asked] == ["input_required"] * 3
    assert (asked[0]["responseSchema"]["required"], asked[2]["metadata"]) == (
        ["seats"],
        {"url": "https://pay.example.com/1"},
    )
    (result,) = [json.loads(one["content"]) for one in state["messages"] if one["role"] == "tool"]
    assert (result, state["messages"][-1]["content"]) == ({"result": PAID}, "Booked.")


@pytest.mark.long
def test_the_published_client_of_the_ai_sdk_answers_the_questions_of_a_server(web, worker, booking):
    with ai_sdk.running(6) as sdk:
        chat = sdk.chat(web, "", query="v=6", automatic="lastAssistantMessageIsCompleteWithToolCalls")
        chat.send(booking("book with useChat"))
        asked = []
        for answer in ANSWERS:
            asked.append(next_question(chat, asked[-1:]))
            chat.settled()
            chat.start(
                "addToolOutput", {"toolCallId": asked[-1]["toolCallId"], "tool": "tests__book", "output": answer}
            )
        chat.until_text("Booked.")
        (tool,) = ai_sdk.tools(chat.settled()["messages"][-1])
    assert [one["message"] for one in asked[:2]] == ["How many seats in Rome?", "Your name?"]
    assert (asked[0]["schema"]["required"], asked[2]["url"]) == (["seats"], "https://pay.example.com/1")
    assert tool["output"] == {"result": PAID}


def next_question(chat, last):
    """The question that is in the message in place of the last one."""

    def found():
        asked = [part["data"] for part in chat.messages[-1]["parts"] if part["type"] == "data-elicitation"]
        return [one for one in asked if one not in last]

    return until(found, what="the next question")[0]


def _called(journal, before):
    """The programs with a call that they have noted since, once both have one."""
    noted = re.findall(r"(?:waits|climbs) (\d+)", journal.read_text()[before:])
    return [psutil.Process(int(pid)) for pid in noted] if len(noted) >= 2 else []


def _runs(process):
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


WITHOUT_SERVERS = """
import pathlib
from app import catalog
from workers import reloading
assert reloading.mcp_servers(catalog.load(pathlib.Path("aomi.yaml")), None) is None
"""


@pytest.mark.long
@pytest.mark.parametrize("start", [WITHOUT_SERVERS, "import app; app.create_app()"], ids=["worker", "web"])
def test_a_process_without_servers_never_loads_the_sdk(start, tmp_path):
    (tmp_path / "aomi.yaml").write_text(
        "model_list:\n  - {model_name: demo, litellm_params: {model: demo/assistant}}\n"
    )
    environment = os.environ | {"REDIS_URL": "redis://127.0.0.1:9/0", "PYTHONPATH": str(ROOT)}
    code = f"{start}\nimport sys\nprint([name for name in sys.modules if name.partition('.')[0] in {SDK}])"
    ran = processes.run([sys.executable, "-c", code], cwd=tmp_path, env=environment)
    assert ran.stdout.strip() == "[]", ran.stderr
