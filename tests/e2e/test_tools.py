"""Tools as a team writes them, in a worker: async ones, results that are no JSON, and what they log and print."""

from __future__ import annotations

import json
import time

import pytest

from tests.support.backend import Backend, until
from tests.support.client import kinds
from tests.support.patience import kept
from tests.support.servers import Calls, Text


def results(events):
    return [event["result"] for event in events if event["type"] == "tool_result"]


def test_an_async_tool_gets_its_arguments_and_its_context(client, provider):
    text = provider.script("pause", [Calls([("Pause", {"seconds": 0.01})])], [Calls([("Pause", {})])], [Text(["ok"])])
    good, bad = results(client.ask(text, app="scripted"))
    assert good == {"session": client.session_id}
    assert "seconds: Field required" in bad["error"]


def test_an_interrupt_cancels_an_async_tool_and_the_stream_ends_at_once(client, provider, figure, tmp_path):
    note = tmp_path / "note"
    call = ("Pause", {"seconds": 3600, "file": str(note)})
    text = provider.script("pause for long", [Calls([call])], [Text(["not reached"])])

    def stop() -> float:
        note.unlink(missing_ok=True)
        with client.chat(text, app="scripted") as stream:
            stream.next("tool_call")
            until(note.exists, what="the tool")
            asked = time.monotonic()
            client.interrupt()
            assert list(stream.events())[-1] == {"type": "complete", "interrupted": True}
            took = time.monotonic() - asked
        until(lambda: note.read_text() == "cancelled", what="the cancel in the tool")
        return took

    kept(0.3, stop, figure)


def test_an_async_generator_has_steps(client, provider):
    text = provider.script("count later", [Calls([("CountdownLater", {"n": 3, "every": 0.05})])], [Text(["ok"])])
    with client.updates() as updates:
        events = client.ask(text, app="scripted")
        steps = [updates.next("async_tool_result")]
        while not steps[-1].get("done"):
            steps.append(updates.next("async_tool_result"))
    assert results(events) == [{"left": 3}]
    assert [step["result"]["left"] for step in steps if step["result"]] == [2, 1]


def test_a_result_that_is_no_json_is_an_error_to_the_model(client, provider):
    text = provider.script("unfit", [Calls([("Unfit", {})])], [Text(["I see."])])
    events = client.ask(text, app="scripted")
    assert kinds(events) == ["tool_call", "tool_result", "text", "complete"]
    error = "The tool's result is no JSON: result['shop'] is of type object"
    assert results(events) == [{"error": error}]
    (told,) = [message for message in provider.requests(text)[1].messages if message["role"] == "tool"]
    assert json.loads(told["content"]) == {"error": error}


@pytest.mark.parametrize("tool", ["Speak", "SpeakLater"])
def test_what_a_tool_logs_and_prints_is_in_the_log_with_session_and_tool(backend: Backend, client, provider, tool):
    word = f"{tool}-{client.session_id}"
    text = provider.script(word, [Calls([(tool, {"word": word})])], [Text(["ok"])])
    client.ask(text, app="scripted")

    def lines():
        written = [line for process in backend.processes for line in process.log().splitlines() if word in line]
        return [json.loads(line) for line in written]

    until(lambda: len(lines()) == 2, what="both lines")
    assert [(line["level"], line["message"], line["logger"]) for line in lines()] == [
        ("INFO", f"heard {word}", "tests.support.tools"),
        ("INFO", f"said {word}", "app.print"),
    ]
    for line in lines():
        assert line["tool"] == tool
        assert client.session_id.startswith(line["session"])


def test_a_secret_that_a_tool_logs_and_prints_is_concealed(backend: Backend, client, provider):
    secret = f"hush-{client.session_id}"
    client.post("/api/secrets", json={"client_id": client.session_id, "secrets": {"TOKEN": secret}})
    text = provider.script("speak it", [Calls([("Speak", {"word": "$SECRET:TOKEN"})])], [Text(["ok"])])
    query = {"app": "scripted", "client_id": client.session_id}
    with client.streaming("POST", "/api/chat", params=query, json={"text": text}) as stream:
        assert [event["result"] for event in stream.events() if event["type"] == "tool_result"] == ["spoken"]
    log = until(lambda: [p.log() for p in backend.processes if "said $SECRET:TOKEN" in p.log()], what="the line")
    assert "heard $SECRET:TOKEN" in log[0]
    assert secret not in "".join(process.log() for process in backend.processes)
