"""What is kept of a person can be exported, and erased so that nothing is left: by HTTP and by `aomi sessions`."""

from __future__ import annotations

import json
import stat
import sys
import threading
import uuid
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.commands.sessions import sessions
from app.errors import ConfigError
from tests.support import processes
from tests.support.backend import ROOT, until
from tests.support.client import Client
from tests.support.patience import patient
from tests.support.remains import standing_in, without_life
from tests.support.servers import Calls, Silence, Text, Until


@pytest.fixture
def aomi(backend):
    """Runs `aomi sessions` in this process; returns what it printed, and raises what it refuses."""
    return lambda *args, **more: CliRunner(env=backend.environment).invoke(sessions, args, **more)


class Person:
    """A client whose words, user state, owner and id are found nowhere else."""

    def __init__(self, url: str, key: str) -> None:
        self.word = f"word{uuid.uuid4().hex}"
        self.client_id = f"client{uuid.uuid4().hex}"
        self.owner = f"0xowner{uuid.uuid4().hex}"
        self.client = Client(url, key)
        self.client.post("/api/sessions", json={"public_key": self.owner, "user_state": {"address": f"{self.word}a"}})

    def secrets(self) -> tuple[str, ...]:
        return self.client.session_id, self.word, self.owner

    def lives(self, provider) -> None:
        """Has a turn behind it, one with a tool that goes on in the background, and one that runs and has spoken."""
        steps = [Calls([("Countdown", {"n": 1000, "every": 0.2})])]
        ask = [Calls([("PickFile", {"types": [self.word]})])]
        provider.script(f"{self.word} steps", steps, [Text([f"{self.word} answered"])])
        provider.script(f"{self.word} asks", ask, [Text(["asked"])])
        provider.script(f"{self.word} runs", [Text([self.word, " "]), Silence()])
        query, header = {"app": "scripted", "client_id": self.client_id}, {"Idempotency-Key": self.word}
        for text in ("asks", "steps"):
            answer = self.client.post("/api/chat", params=query, json={"text": f"{self.word} {text}"}, headers=header)
            assert '"complete"' in answer.text, answer.text
            header = {}
        with self.client.chat(f"{self.word} runs", app="scripted") as stream:
            stream.next("text")


@pytest.fixture
def person(webs, key, provider):
    found = Person(webs[0], key)
    found.lives(provider)
    return found


def gone(redis, person):
    until(lambda: not standing_in(redis, *person.secrets()), what="every trace of the session to go")


def test_a_session_at_work_is_erased_over_http_and_stays_so(person, redis, provider, worker):
    logged = len(Path(worker).read_text())
    assert len(standing_in(redis, *person.secrets())) > 20
    assert without_life(redis) == []
    answer = person.client.request("DELETE", f"/api/sessions/{person.client.session_id}")
    assert answer.status_code == 200, answer.text
    assert standing_in(redis, person.word, person.owner) == []
    gone(redis, person)
    seen = provider.requests(f"{person.word} runs")[0]
    assert seen.hung_up.wait(patient(10)), "the model is still being asked"
    assert standing_in(redis, *person.secrets()) == []
    assert "Traceback" not in Path(worker).read_text()[logged:]


def test_the_title_of_a_deleted_session_is_no_longer_asked_for(client, provider):
    released = threading.Event()
    text = provider.script("a first message to be titled", [Until(released)])
    try:
        client.ask(text, app="titled")
        until(lambda: provider.requests(text), what="the title model to be asked")
        client.request("DELETE", f"/api/sessions/{client.session_id}")
        assert provider.requests(text)[0].hung_up.wait(patient(10)), "the title model is still being asked"
    finally:
        released.set()


def test_a_person_is_exported_and_erased_by_what_the_front_end_gave_them(aomi, person, redis, tmp_path):
    person.client.post("/api/secrets", json={"client_id": person.client_id, "secrets": {"TOKEN": "a secret value"}})
    listed = aomi("list", "--public-key", person.owner)
    assert listed.stdout.split()[0] == person.client.session_id
    file = tmp_path / "person.json"
    assert aomi("export", "--client", person.client_id, "--output", str(file)).exit_code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    exported = json.loads(file.read_text())
    (session,) = exported["sessions"]
    messages = [message["content"] for message in session["threads"][0]["messages"]]
    assert {f"{person.word} asks", f"{person.word} steps", f"{person.word} answered"} <= set(messages)
    assert session["fields"]["request:1"]["body"] == {"types": [person.word]}
    assert exported["client"]["secrets"] == ["TOKEN"]
    asked = aomi("delete", "--client", person.client_id, input="n\n")
    assert (asked.exit_code, "Delete 1 session and the client's keys and secrets" in asked.stderr) == (1, True)
    erased = aomi("delete", "--client", person.client_id, "--yes")
    assert erased.output == "Deleted: 1 session and the client's keys and secrets.\n", erased.exception
    gone(redis, person)
    assert standing_in(redis, exported["client"]["sha256"]) == []


def test_sessions_are_named_and_those_that_are_used_are_not_old(aomi, webs, key, redis):
    session_id = str(uuid.uuid4())
    Client(webs[0], key, session_id).post("/api/sessions", json={"title": "An old one"})
    assert session_id not in aomi("list", "--older-than", "1h").stdout
    redis.hset(f"session:{{{session_id}}}", "updated_at", "2020-01-01T00:00:00.000Z")
    assert f"{session_id}  2020-01-01T00:00:00.000Z  An old one" in aomi("list", "--older-than", "90d").stdout
    assert aomi("list", "--older-than", "90d", "--public-key", "nobody").stdout == ""
    shown = json.loads(aomi("export", session_id.upper()).stdout)["sessions"]
    assert [session["fields"]["title"] for session in shown] == ["An old one"]
    assert aomi("delete", "--older-than", "90d", "--yes").exit_code == 0
    unknown = aomi("export", session_id)
    assert (type(unknown.exception), unknown.stdout) == (ConfigError, "")
    assert str(unknown.exception).startswith(f"There is no session '{session_id}'")


@pytest.mark.parametrize(
    ("args", "words"),
    [(["delete", "--yes"], "Say which sessions"), (["list", "--older-than", "x"], "invalid duration 'x'")],
)
def test_a_command_that_says_nothing_or_nonsense_does_nothing(aomi, worker, args, words):
    ran = aomi(*args)
    assert words in f"{ran.exception} {ran.output}"


def test_the_command_is_one_of_aomi(backend):
    command = [sys.executable, "-m", "app.commands.cli", "sessions", "export"]
    ran = processes.run(command, env=backend.environment, cwd=ROOT)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("aomi: Say which sessions: ids")
