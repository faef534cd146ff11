"""Tools of an MCP server, over stdio and over HTTP."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest

from app.state.open_calls.records import Question, Replied
from tests.support.images import PNG
from tests.support.patience import kept, meanwhile, patient, until
from workers.cancellation import INTERRUPTED, CancelToken, Stopped
from workers.mcp import calls
from workers.secrets import Secrets
from workers.tools import ToolContext, ToolError
from workers.tools.waiting import CallWaits


def test_the_model_gets_each_tool_with_the_servers_description_and_schema(servers):
    schema = servers.tool("tests__add").schema["function"]
    assert schema["name"] == "tests__add"
    assert schema["description"] == "Add two numbers."
    assert schema["parameters"]["type"] == "object"
    assert set(schema["parameters"]["properties"]) == {"a", "b"}
    assert schema["parameters"]["required"] == ["a", "b"]


def test_an_app_gets_the_tools_it_names_and_no_others(servers):
    servers.tool("tests__add")
    assert set(servers.offer("mcp:tests/add", "mcp:tests/say").tools) == {"tests__add", "tests__say"}


def test_a_name_that_a_function_has_is_not_used_twice(servers):
    servers.tool("tests__add")
    (name,) = servers.offer("mcp:tests/add", taken=["tests__add"]).tools
    assert name.startswith("tests__add_")


def test_structured_content_is_the_result(servers):
    assert servers.call("tests__add", a=1, b=2) == {"result": 3}


def test_a_failed_tool_is_an_error_in_its_servers_words(servers):
    assert "fail" in servers.call("tests__fail", reason="no")["error"]


def test_arguments_that_do_not_fit_are_an_error_in_its_servers_words(servers):
    assert "valid integer" in servers.call("tests__add", a="x", b=1)["error"]


def test_images_become_files_and_other_content_becomes_text(servers):
    kept = []

    def keep(image):
        kept.append(image)
        return {"file_id": str(len(kept))}

    context = ToolContext(keep_image=keep)
    assert servers.call("tests__draw", context) == {"file_id": "1"}
    assert servers.call("tests__mixed", context) == {
        "text": "two dots:\n\n[image/png, which cannot be shown]\n\nnote://1:\na note\n\n[more](https://example.com/more)",
        "files": [{"file_id": "2"}],
    }
    assert [image.data for image in kept] == [PNG, PNG]


def test_handles_in_the_arguments_become_secrets(servers):
    secrets = Secrets({"TOKEN": "hush-hush-hush"})
    assert servers.call("tests__say", ToolContext(secrets=secrets), text="$SECRET:TOKEN") == {
        "result": "hush-hush-hush"
    }


def test_a_stop_ends_the_wait_and_cancels_the_call_at_the_server_within_300_ms(servers, figure):
    tool = servers.tool("tests__wait")

    def stop():
        token, ended = CancelToken(), threading.Event()
        began, cancelled = (servers.journal.read_text().count(word) for word in ("waits", "cancelled"))

        def call():
            with pytest.raises(Stopped):
                tool.run({"seconds": 600}, ToolContext(token=token))
            ended.set()

        with meanwhile(call):
            until(lambda: servers.journal.read_text().count("waits") > began, what="the call at the server")
            stopped = time.monotonic()
            token.cancel(INTERRUPTED)
            assert ended.wait(patient(5))
            until(lambda: servers.journal.read_text().count("cancelled") > cancelled, what="the cancel at the server")
            return time.monotonic() - stopped

    kept(0.3, stop, figure)
    assert servers.call("tests__add", a=1, b=1) == {"result": 2}


def test_progress_is_reported_while_a_call_runs(servers, monkeypatch):
    monkeypatch.setattr(calls, "FIRST_PAUSE", 0.05)
    reported = []
    context = ToolContext(call_id="call_1", report=lambda *told: reported.append(told))
    assert servers.call("tests__climb", context, steps=3, seconds=0.3) == {"result": "on top"}
    assert reported
    assert all(told[:2] == ("call_1", "tests__climb") for told in reported)
    assert {"progress": 1, "total": 3, "message": "step 1"} in [told[2] for told in reported]


def asked(tool, args, context):
    """The question for which a call waits."""
    with pytest.raises(CallWaits) as waits:
        tool.run(args, context)
    return Question.read(replace(waits.value.question, args=args).stored())  # as it waits in Redis


def answered(question, content=None, **context):
    return ToolContext(replied=Replied(question, content is not None, content or {}), **context)


def test_a_question_to_the_user_ends_the_call_which_is_made_again_with_the_answer(servers):
    book, args = servers.tool("tests__book"), {"city": "Rome"}
    seats = asked(book, args, ToolContext())
    assert seats.message == "How many seats in Rome?"
    assert seats.schema["properties"] == {"seats": {"type": "integer", "minimum": 1, "maximum": 8}}
    name = asked(book, args, answered(seats, {"seats": 3}))
    assert name.message == "Your name?"
    pay = asked(book, args, answered(name, {"name": "Ann"}))
    assert pay.shown() == {"message": "Please pay", "url": "https://pay.example.com/1"}
    assert book.run(args, answered(pay, {})) == {"result": "paying 3 Ann Rome: {'pay': 'accept'}"}
    declined = book.run(args, answered(asked(book, args, answered(seats))))
    assert declined == {"result": "asked Rome: {'seats': 'decline', 'name': 'decline'}"}


def test_what_a_server_asks_and_keeps_holds_no_secret_of_the_user_in_redis(servers):
    secrets = Secrets({"CITY": "Xq7#Zw9!Kp2"})
    book, args = servers.tool("tests__book"), {"city": "$SECRET:CITY"}
    seats = asked(book, args, ToolContext(secrets=secrets))
    assert seats.message == "How many seats in $SECRET:CITY?"
    declined = book.run(args, answered(asked(book, args, answered(seats, secrets=secrets)), secrets=secrets))
    assert declined["result"].startswith("asked Xq7#Zw9!Kp2")


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("roots", "is not supported"),
        ("nested", "field 'who', which is no text"),
        ("long", "more than 4,000 characters"),
        ("large", "at most 16,384 are allowed"),
        ("script", "no address of a web page"),
        ("disguise", "no address of a web page"),
        ("state", "too much at once"),
        ("later", "put this call off too often"),
    ],
)
def test_a_question_that_nobody_can_be_asked_is_an_error(servers, what, words):
    assert words in servers.call("tests__demand", what=what)["error"]


def test_a_tool_that_the_server_adds_is_offered(servers):
    servers.call("tests__grow")
    assert servers.tool("tests__grown")


def test_an_answer_that_is_too_large_is_an_error_and_the_next_call_works(servers):
    assert "its answer is too large" in servers.call("tests__large", size=30_000_000)["error"]
    assert until(lambda: servers.call("tests__add", a=2, b=2) == {"result": 4}, 60, what="the next call")


def test_a_server_that_dies_in_a_call_is_an_error(servers, request):
    if "http" in request.node.name:
        pytest.skip("nobody starts it again: test_servers has that case")
    with pytest.raises(ToolError, match="'tests' of this tool is not available: its process has ended"):
        servers.tool("tests__die").run({}, ToolContext())
    assert servers.call("tests__add", a=2, b=3) == {"result": 5}
