"""`aomi chat` and tool calls that wait for a person: asked in the terminal, said in a pipe."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from tests.support import commands
from tests.support.servers import Calls, Text
from tests.support.terminal import CTRL_C, CTRL_D, terminal

QUESTION = r"Run it\? .*: "
MAP = {"name": "ShowMap", "parameters": {"properties": {"at": {}}}}


@pytest.fixture
def chat(webs, backend, key):
    """Opens `aomi chat` in a terminal, with the app `asking`."""

    @contextmanager
    def run(*args):
        more = {"AOMI_URL": webs[0], "AOMI_API_KEY": key}
        with terminal(
            ["-m", "app.commands.cli", "chat", "--app", "asking", *args], backend.environment | more
        ) as opened:
            yield opened

    return run


def results(client):
    return [one["result"] for message in client.state()["messages"] for one in message.get("tool_results", ())]


def test_a_call_is_approved_edited_and_declined_with_a_reason(chat, client, provider):
    pays = [
        ("Pay", {"to": "Bob\x1b[2J", "amount": 12345678901234567890}),
        ("Repeat", {"word": "a"}),
        ("Repeat", {"word": "b"}),
    ]
    text = provider.script("pay in the terminal", [Calls(pays)], [Text(["All done."])])
    with chat("--session", client.session_id) as opened:
        opened.prompt()
        opened.line(text)
        opened.wait(r'Pay asks before it runs: \{"amount":12345678901234567890,"to":"Bob\\u001b\[2J"\}\n.*until 2')
        opened.wait(QUESTION)
        opened.line("y")
        opened.wait(r'Repeat asks before it runs: \{"word":"a"\}\n.*\n' + QUESTION)
        opened.line("e")
        opened.wait(r'Arguments.*\{"word":"a"\}')
        opened.line("\x7f\x7f\x7fbc")
        opened.wait("no JSON object.*\n" + QUESTION)
        opened.line("e")
        opened.wait(r'Arguments.*\{"word":"a"\}')
        opened.line('\x7f\x7f\x7fbc"}')
        opened.wait(r'Repeat asks before it runs: \{"word":"b"\}\n.*\n' + QUESTION)
        opened.line("n not now")
        opened.wait(r"All done\.\n> ")
        assert "was approved" not in opened.seen
        assert "\x1b[2J" not in opened.raw
    paid, repeated, declined = sorted(results(client), key=lambda one: list(one), reverse=True)
    assert repeated["word"] == "bc"
    assert (paid["paid"], paid["to"]) == (12345678901234567890, "Bob\x1b[2J")
    assert declined == {"error": "declined", "message": "not now"}


def test_ctrl_c_and_enter_leave_calls_open_and_an_answer_from_elsewhere_is_said(chat, client, provider):
    text = provider.script(
        "repeat both", [Calls([("Repeat", {"word": "a"}), ("Repeat", {"word": "b"})])], [Text(["Yes."])]
    )
    with chat("--session", client.session_id) as opened:
        opened.prompt()
        opened.line(text)
        for leave in (CTRL_C, "\r"):
            opened.wait(QUESTION)
            opened.type(leave)
            opened.wait("Repeat stays open: /pending asks again")
        opened.prompt()
        first, second = [one["call_id"] for one in client.state()["pending"]]
        client.post("/api/control/answer", json={"answers": [{"call_id": first, "approve": True}]})
        opened.wait(r"Repeat was approved\.\n> ")
        opened.line("/pending")
        opened.wait(r'Repeat asks before it runs: \{"word":"b"\}\n.*\n' + QUESTION)
        client.post("/api/control/answer", json={"answers": [{"call_id": second, "approve": False}]})
        opened.wait("Repeat was declined")
        opened.line("y")
        opened.wait("Refused: This call waits no more.*\n> ")


def test_the_result_of_a_tool_of_the_client_is_asked_for_when_the_session_is_opened(chat, client, provider):
    text = provider.script("map in the terminal", [Calls([("ShowMap", {"at": "Rome"})])], [Text(["There it is."])])
    client.ask(text, app="asking", tools=[MAP])
    with chat("--session", client.session_id) as opened:
        opened.wait(r'ShowMap is for you to run: \{"at":"Rome"\}\n.*\nIts result.*: ')
        opened.line('{"shown": true}')
        opened.wait(r"There it is\.\n> ")
    assert results(client) == [{"shown": True}]


def test_ctrl_d_at_the_question_leaves_the_call_open_and_the_chat(chat, client, provider):
    client.ask(provider.script("leave it", [Calls([("Repeat", {"word": "a"})])]), app="asking")
    with chat("--session", client.session_id) as opened:
        opened.wait(QUESTION)
        opened.type(CTRL_D)
        opened.wait("Repeat stays open")
        assert opened.exit_code() == 0
    assert len(client.state()["pending"]) == 1


def test_a_pipe_says_what_waits_and_how_to_answer_and_so_does_its_exit_code(webs, backend, key, client, provider):
    text = provider.script("repeat in a pipe", [Text(["One word."]), Calls([("Repeat", {"word": "a"})])])
    args = ("chat", "--url", webs[0], "--app", "asking", "--session", client.session_id)
    ran = commands.aomi(*args, environment=backend.environment | {"AOMI_API_KEY": key}, input=text)
    assert (ran.returncode, ran.stdout) == (3, "One word.\n")
    (waiting,) = client.state()["pending"]
    assert f'Repeat({{"word":"a"}}) waits for an answer until {waiting["expires_at"]}' in ran.stderr
    assert waiting["call_id"] in ran.stderr
    assert f"aomi chat --session {client.session_id}" in ran.stderr
