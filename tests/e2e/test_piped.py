"""`aomi chat` in a pipe."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import uuid

import pytest

from app.commands.chat import backend as terminal
from app.commands.chat.turn_stream import TurnStream
from app.config import Settings
from app.state.accounts.api_keys import ApiKeys
from app.state.scripts import Store
from tests.support import commands, processes
from tests.support.backend import ROOT, free_port
from tests.support.client import Client
from tests.support.line import line_to
from tests.support.patience import patient, until
from tests.support.servers import Calls, Fail, Held, Silence, Text, Thoughts, answer_json, serving


@pytest.fixture
def pipe(webs, backend, key):
    """Sends a text through `aomi chat`; returns the finished process."""

    def run(text, *args, url=webs[0], **environment):
        env = backend.environment | {"AOMI_API_KEY": key} | environment
        return commands.aomi("chat", "--url", url, *args, environment=env, input=text)

    return run


def test_only_the_answer_is_printed(pipe):
    ran = pipe("What is the current price of ETH?\n")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "The current price of ETH is $3,500.00.\n", "")


def test_scripts_get_each_event_as_json_on_a_line(pipe):
    ran = pipe("What is the current price of ETH?", "--json")
    events = [json.loads(line) for line in ran.stdout.splitlines()]
    assert (ran.returncode, ran.stderr) == (0, "")
    kinds = [event["type"] for event in events]
    assert [kind for kind in kinds if kind != "text"] == ["tool_call", "tool_result", "complete"]
    assert "".join(event.get("content", "") for event in events) == "The current price of ETH is $3,500.00."


def test_json_has_thoughts_only_if_they_are_wanted_and_nothing_that_controls_a_terminal(pipe, provider):
    text = provider.script("thinks in a pipe", *[[Thoughts(["Hm.\x9b"]), Text(["So\x1b[2J."])]] * 2)
    plain = pipe(text, "--app", "scripted", "--json").stdout
    assert plain.startswith('{"type":"text","content":"So\\u001b[2J."}\n')
    assert pipe(text, "--app", "scripted", "--json", "--thoughts").stdout == (
        '{"type":"reasoning","content":"Hm.\\u009b"}\n' + plain
    )


def test_json_of_an_error_is_on_stdout_and_the_exit_code_says_so(pipe, provider):
    text = provider.script("fails as JSON", [Calls([("Add", {"a": 1})])], [Fail(400)])
    ran = pipe(text, "--app", "scripted", "--json")
    assert ran.returncode == 1
    assert json.loads(ran.stdout.splitlines()[-1])["code"] == "provider_error"


def test_files_go_with_the_message(pipe, webs, key, tmp_path):
    (tmp_path / "one.txt").write_text("1")
    (tmp_path / "two.txt").write_text("2")
    session_id = str(uuid.uuid4())
    files = ("--attach", str(tmp_path / "one.txt"), "--attach", str(tmp_path / "two.txt"))
    assert pipe("What is in them?", "--session", session_id, *files).returncode == 0
    message = Client(webs[0], key, session_id).state()["messages"][0]
    assert [one["filename"] for one in message["attachments"]] == ["one.txt", "two.txt"]


def test_a_file_that_is_not_there_is_a_mistake_and_nothing_is_sent(pipe):
    ran = pipe("hi", "--attach", "/nowhere.txt")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "/nowhere.txt" in ran.stderr


def test_a_session_is_gone_on_with(pipe):
    session_id = str(uuid.uuid4())
    pipe("remember 12", "--session", session_id)
    assert pipe("What did I ask you to remember?", "--session", session_id).stdout == "You asked me to remember 12.\n"


def test_an_error_is_on_stderr_and_the_exit_code_says_so(pipe, provider):
    text = provider.script("fails in a pipe", [Calls([("Add", {"a": 1})])], [Fail(400)])
    ran = pipe(text, "--app", "scripted")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "(provider_error)" in ran.stderr


def test_control_sequences_of_the_model_are_not_printed(pipe, provider):
    text = provider.script("evil in a pipe", [Text(["a\x1b[2J", "b\n"])])
    assert pipe(text, "--app", "scripted").stdout == "a␛[2Jb\n"


@pytest.mark.parametrize(
    ("args", "environment", "code", "words"),
    [
        (
            ("--app", "scripted"),
            {"AOMI_API_KEY": ""},
            1,
            "needs an API key: send it as X-API-Key; here with --key or AOMI_API_KEY",
        ),
        (("--app", "scripted"), {"AOMI_API_KEY": "wrong"}, 1, "not valid"),
        (("--session", "nonsense"), {}, 1, "must be a UUID"),
        (("--key", "ü"), {}, 2, "only letters and digits"),
    ],
)
def test_what_is_wrong_is_said_on_stderr(pipe, args, environment, code, words):
    ran = pipe("hi", *args, **environment)
    assert (ran.returncode, ran.stdout) == (code, "")
    assert words in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_limit_is_said_with_the_seconds_to_wait(pipe, redis):
    key = ApiKeys(Store(redis, Settings())).issue(("*",), requests_per_minute=1)  # making the session takes it
    ran = pipe("hi", AOMI_API_KEY=key)
    assert ran.returncode == 1
    assert "at most 1 a minute; try again in" in ran.stderr


def test_a_full_backend_says_so_and_is_asked_again(key):
    told, answers = [], iter([(503, {"error": "The queue is full"}), (404, {"error": "There is no session"})])

    def handle(request):
        request.rfile.read(int(request.headers["Content-Length"]))
        answer_json(request, *next(answers))

    with serving(handle) as url:
        backend = terminal.Backend(url, key, str(uuid.uuid4()))
        with pytest.raises(terminal.Refused, match="no session"):
            list(TurnStream(backend, {"text": "hi"}, None, told.append).events())
    assert told == ["The queue is full; trying again in 0.5 s."]


def test_nothing_to_send_is_a_mistake(pipe):
    ran = pipe(" \n")
    assert ran.returncode == 2
    assert "echo hi | aomi chat" in ran.stderr


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}", "nonsense", "http://"])
def test_a_wrong_address_is_said(pipe, url):
    ran = pipe("hi", url=url.format(port=free_port()))
    assert ran.returncode == 1
    assert "AOMI_URL" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_lost_connection_is_resumed(webs, backend, key, provider):
    cut = threading.Event()
    pieces = [f"{n} " for n in range(60)]
    text = provider.script("a cut pipe", [Text(pieces[:20]), Held(cut), Text(pieces[20:])])
    with line_to(webs[0]) as line:
        ran = started(backend, key, line.url, text)
        until(lambda: provider.requests(text), what="the model call")
        until(lambda: ran.stdout.read(1), what="the first token")
        line.cut()
        cut.set()
        out, errors = ran.communicate(timeout=patient(30))
    assert out.decode() == " " + "".join(f"{n} " for n in range(1, 60)) + "\n"
    assert b"trying again" in errors
    assert ran.returncode == 0


def test_ctrl_c_stops_the_turn(webs, backend, key, provider):
    text = provider.script("interrupted in a pipe", [Text(["so far"]), Silence()])
    session_id = str(uuid.uuid4())
    ran = started(backend, key, webs[0], text, "--session", session_id)
    until(lambda: ran.stdout.read(1), what="the first token")
    ran.send_signal(signal.SIGINT)
    assert ran.wait(patient(20)) == 130
    state = Client(webs[0], session_id=session_id).state()
    assert (state["status"], state["messages"][-1]["content"]) == ("interrupted", "so far")


def started(backend, key, url, text, *args):
    """`aomi chat` with a message in its pipe."""
    command = [sys.executable, "-m", "app.commands.cli", "chat", "--app", "scripted", "--url", url, *args]
    env = backend.environment | {"AOMI_API_KEY": key}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = processes.start(command, env=env, cwd=ROOT, bufsize=0, **pipes)  # `communicate` passes over a buffer
    process.stdin.write(text.encode())
    process.stdin.close()
    process.stdin = None  # so that `communicate` leaves it alone
    return process
