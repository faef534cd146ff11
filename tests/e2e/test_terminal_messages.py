"""`aomi chat` and messages: attach, withdraw, edit, regenerate, choose a branch, and what the model thinks."""

from __future__ import annotations

import base64
import json
import re
import threading
from contextlib import contextmanager

import pytest

from tests.support.backend import until
from tests.support.images import PNG
from tests.support.servers import Held, Silence, Text, Thoughts
from tests.support.terminal import terminal


@pytest.fixture
def chat(webs, backend, key):
    """Opens `aomi chat` in a terminal, with the app `scripted`."""

    @contextmanager
    def run(*args, app="scripted"):
        more = {"AOMI_URL": webs[0], "AOMI_API_KEY": key}
        with terminal(["-m", "app.commands.cli", "chat", "--app", app, *args], backend.environment | more) as opened:
            opened.prompt()
            yield opened

    return run


def say(opened, line, answer):
    opened.line(line)
    pattern = re.sub(r"\n|\\n", r"\\n(?:[^\\r\\n]*\\r)*", answer)  # a spinner may stand before each line
    opened.wait(rf"{pattern}\n> ")


def test_an_attached_file_goes_with_the_next_message_only(chat, provider, tmp_path):
    look, then = provider.script("look in the terminal", [Text(["A pixel."])]), "and then in the terminal"
    provider.script(then, [Text(["Nothing."])])
    (tmp_path / "a pixel.png").write_bytes(PNG)
    with chat(app="seeing") as opened:
        say(opened, f"/attach {tmp_path}/a pixel.png", r"a pixel\.png \(image/png, \d+ bytes\) goes with .*")
        say(opened, look, "A pixel.")
        say(opened, then, "Nothing.")
    assert base64.b64encode(PNG).decode() in str(provider.requests(look)[-1].messages[-1])
    assert "image_url" not in str(provider.requests(then)[-1].messages[-1])


def test_what_cannot_be_attached_is_said(chat, tmp_path):
    (tmp_path / "archive.zip").write_bytes(b"PK\x03\x04\0\0\xff")
    with chat() as opened:
        say(opened, f"/attach {tmp_path}", "Refused: There is no file .*")
        say(opened, f"/attach {tmp_path}/archive.zip", "Refused: .*PNG.*")


def test_a_refused_message_keeps_its_attachments_until_they_are_forgotten(chat, provider, tmp_path):
    provider.script("without it", [Text(["Fine."])])
    (tmp_path / "pixel.png").write_bytes(PNG)
    with chat() as opened:
        say(opened, f"/attach {tmp_path}/pixel.png", "goes with .*")
        for _ in range(2):
            say(opened, "without it", "Refused: .*does not take images.*")
        say(opened, "/attach", "no attachments.*")
        say(opened, "without it", "Fine.")


def test_a_message_is_edited_answered_again_and_its_versions_chosen(chat, provider):
    provider.script("terminal sky", [Text(["blue"])], [Text(["grey"])])
    provider.script("terminal sea", [Text(["green"])])
    with chat() as opened:
        say(opened, "/regenerate", "Refused: You have not said anything.*")
        say(opened, "terminal sky", "blue")
        say(opened, "/regenerate", "> terminal sky\ngrey")
        say(opened, "/edit terminal sea", "green")
        say(opened, "/branches", "  1  version 2 of 2  you: terminal sea\n.*")
        say(opened, "/branch 1", "> terminal sky\ngrey")
        say(opened, "/branches", "  1  version 1 of 2  you: terminal sky\n  2  version 2 of 2  grey\n.*")
        say(opened, "/branch 2 1", "> terminal sky\nblue")
        say(opened, "/branch 3", "Refused: There is no version '3': give a number from 1 to 2")


def test_an_older_message_is_edited_by_its_number(chat, provider):
    for number in ("one", "two", "three"):
        provider.script(f"terminal {number}", [Text([f"said {number}"])])
    with chat() as opened:
        for number in ("one", "two"):
            say(opened, f"terminal {number}", f"said {number}")
        say(opened, "/edit #2 terminal three", "said three")
        say(opened, "/edit #2 terminal three", "Refused: There is no message '2': give a number from 1 to 1")
    assert "terminal two" not in str(provider.requests("terminal three")[-1].messages)


def test_a_message_that_waits_is_withdrawn(chat, client, provider):
    running = provider.script("runs beside the terminal", [Text(["so far"]), Silence()])
    with chat("--session", client.session_id) as opened, client.chat(running, app="scripted") as stream:
        stream.next("text")
        say(opened, "/withdraw", "No message waits.")
        with client.chat("never\x1b[2J mind", app="scripted") as waiting:
            until(lambda: client.state()["waiting"])
            say(opened, "/withdraw", r"Withdrawn: never␛\[2J mind")
            assert list(waiting.events()) == [{"type": "complete", "interrupted": True}]
        client.interrupt()


def test_thoughts_are_a_line_and_with_a_switch_shown_without_control_sequences(chat, provider):
    thoughts = [Thoughts(["Well\x1b[2J"]), Text(["Yes."])]
    provider.script("think in the terminal", thoughts, thoughts)
    with chat() as opened:
        say(opened, "think in the terminal", r"think in the terminal\n.*\(thought for \d+ s\)\nYes\.")
        assert "Well" not in opened.seen
    with chat("--thoughts") as opened:
        say(opened, "think in the terminal", r"Well␛\[2J\n\(thought for \d+ s\)\nYes\.")
        assert "\x1b[2J" not in opened.raw


def test_thoughts_are_shown_while_the_model_thinks(chat, provider):
    seen = threading.Event()
    provider.script("think slowly", [Thoughts(["Well, "]), Held(seen), Thoughts(["yes"]), Text(["Yes."])])
    with chat("--thoughts") as opened:
        opened.line("think slowly")
        opened.wait("Well, ")
        seen.set()
        opened.wait(r"yes\n\(thought for \d+ s\)\nYes\.\n> ")


def test_a_thread_is_exported_as_markdown_and_as_json_and_no_file_is_written_over(chat, tmp_path):
    """The session's id, which opens it, is in neither."""
    name = str(tmp_path / "thread")
    with chat(app="default") as opened:
        opened.line("/export")
        opened.wait("Nothing was said in this thread")
        opened.prompt()
        say(opened, "What is the current price of ETH?", r".*\$3,500\.00\.")
        say(opened, f"/export {name}.md", r"3 messages are in .*thread\.md\.")
        say(opened, f"/export {name}.json", r"3 messages are in .*thread\.json\.")
        say(opened, f"/export {name}.md", "Refused: .* exists; give another path")
        opened.line("/quit")
        session_id = opened.wait(r"aomi chat --session (\S+)")[1]
    words = (tmp_path / "thread.md").read_text()
    assert words.startswith("# What is the current price of ETH?\n\napp default, model demo\n\n## You, 2")
    assert 'GetTokenPrice({"symbol":"ETH"})\n-> GetTokenPrice: {"price":3500.0}' in words
    assert words.endswith("$3,500.00.\n")
    exported = json.loads((tmp_path / "thread.json").read_text())
    assert [one["role"] for one in exported["messages"]] == ["user", "assistant", "assistant"]
    assert session_id not in words + json.dumps(exported)


def test_files_named_at_the_start_go_with_the_first_message(chat, provider, tmp_path):
    text = provider.script("look at the first file", [Text(["A pixel."])])
    (tmp_path / "pixel.png").write_bytes(PNG)
    with chat("--attach", str(tmp_path / "pixel.png"), app="seeing") as opened:
        assert "pixel.png goes with the first message." in opened.seen
        say(opened, text, "A pixel.")
    assert base64.b64encode(PNG).decode() in str(provider.requests(text)[-1].messages[-1])
