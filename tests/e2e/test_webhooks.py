"""Webhooks on the real stack: one message for each end, whoever ends the turn; a receiver that fails harms nobody."""

from __future__ import annotations

import json
import signal
import threading
from pathlib import Path
from typing import get_args

import pytest
import yaml
from click.testing import CliRunner

from app.catalog.webhooks import WebhookType
from app.commands.cli import cli
from tests.support.backend import Backend, redis_running, until
from tests.support.client import Client
from tests.support.patience import setting
from tests.support.receiver import SECRET, Receiver
from tests.support.servers import Calls, Fail, Held, Silence, Text, Uses, serving

pytestmark = pytest.mark.long

PAY = ("Pay", {"to": "Bob", "amount": 500})


@pytest.fixture(scope="module")
def receiver():
    return Receiver()


@pytest.fixture(scope="module")
def site(tmp_path_factory, config_file, receiver):
    """A backend of the module's own, with webhooks of two apps; that of `gateway` hangs."""
    folder = tmp_path_factory.mktemp("webhooks")
    config = yaml.safe_load(config_file.read_text())
    paths = {"scripted": "/hook", "asking": "/hook", "gateway": "/hang"}
    with redis_running(folder) as url, serving(receiver.handle) as receiver_url:
        for app in config["apps"]:
            if app["id"] in paths:
                variable = f"os.environ/{app['id'].upper()}_URL"
                app["webhook"] = {"url": variable, "secret": "os.environ/HOOK_SECRET", "include": ["messages"]}
            if app["id"] == "scripted":
                app["webhook"]["events"] = list(get_args(WebhookType))
        own = folder / "aomi.yaml"
        own.write_text(yaml.safe_dump(config))
        environment = {
            "AOMI_CONFIG": str(own),
            "TEST_API_KEY": "sk-x",
            "AOMI_LEASE": setting(1),
            "AOMI_WEBHOOK_TIMEOUT": setting(2),
            "AOMI_METRICS_INTERVAL": "0.3",
            "HOOK_SECRET": SECRET,
        } | {f"{app.upper()}_URL": f"{receiver_url}{path}" for app, path in paths.items()}
        backend = Backend(folder, url, environment)
        yield backend, backend.web()[1], backend.worker()
        receiver.hang.set()
        backend.stop()


@pytest.fixture
def store(site):
    with site[0].connection() as client:
        yield client


@pytest.fixture
def talk(site):
    """A client with a session of its own."""
    return Client(site[1], site[0].key())


def test_a_completed_turn_is_told_with_its_usage_and_messages(talk, provider, receiver):
    text = provider.script("tell me", [Text(["all ", "of it"]), Uses(11, 3)])
    talk.ask(text, app="scripted")
    (one,) = receiver.wait_for(talk.session_id)
    run_id = talk.state()["messages"][-1]["id"].rpartition("-")[0]
    assert (one.type, one.data["run_id"], one.data["outcome"]) == ("turn.completed", run_id, "complete")
    assert (one.data["usage"]["input_tokens"], one.data["usage"]["output_tokens"]) == (11, 3)
    assert [(said["role"], said["content"]) for said in one.data["messages"]] == [
        ("user", text),
        ("assistant", "all of it"),
    ]


def test_a_failed_turn_is_told_again_until_the_receiver_takes_it(talk, provider, receiver):
    text = provider.script("fail", [Fail(401)], [Fail(401)])
    receiver.refusals.append(500)
    talk.ask(text, app="scripted")
    (message_id,) = until(
        lambda: receiver.attempts(talk.session_id).total() == 2 and receiver.attempts(talk.session_id)
    )
    (one,) = receiver.of(talk.session_id)
    assert (one.message_id, one.type, one.data["code"]) == (message_id, "turn.failed", "provider_error")
    bodies = [each.body for each in receiver.received if each.message_id == message_id]
    assert bodies[0] == bodies[1]


def test_a_stopped_turn_and_one_that_waits_behind_it_are_told_once_each(talk, provider, receiver):
    text = provider.script("stop me", [Text(["some "]), Silence()])
    with talk.chat(text, app="scripted") as stream:
        stream.next("text")
        talk.post("/api/chat?app=scripted", json={"text": "behind"}, headers={"Prefer": "respond-async"})
        waiting = talk.state()["waiting"][0]["run_id"]
        withdrawn = talk.request("DELETE", f"/api/chat?session_id={talk.session_id}&run_id={waiting}")
        assert withdrawn.json() == {"withdrawn": True}
        assert talk.interrupt()
    told = receiver.wait_for(talk.session_id, 2)
    assert ({one.type for one in told}, len(told)) == ({"turn.interrupted"}, 2)


def test_a_turn_that_waits_for_a_person_is_told_and_the_one_that_goes_on(talk, provider, receiver):
    text = provider.script("pay", [Calls([PAY])], [Text(["paid"])])
    call_id = talk.ask(text, app="asking")[-1]["awaiting"][0]
    (one,) = receiver.wait_for(talk.session_id)
    assert (one.type, one.data["awaiting"]) == ("turn.awaiting", [call_id])
    talk.post("/api/chat", json={"answers": [{"call_id": call_id, "approve": True}]})
    assert receiver.wait_for(talk.session_id, 2)[1].type == "turn.completed"


def test_the_last_step_of_a_tool_is_told(talk, provider, receiver):
    text = provider.script("count", [Calls([("Countdown", {"n": 2, "every": 0.01})])], [Text(["counting"])])
    talk.ask(text, app="scripted")
    told = {one.type: one for one in receiver.wait_for(talk.session_id, 2)}
    assert told.keys() == {"turn.completed", "tool.done"}
    assert (told["tool.done"].data["name"], told["tool.done"].data["outcome"]) == ("Countdown", "complete")


def test_feedback_is_told_and_so_is_that_it_was_taken_back(talk, provider, receiver):
    talk.ask(provider.script("rate me", [Text(["fine"])]), app="scripted")
    reply = talk.state()["messages"][-1]["id"]
    again = {"rating": "up", "comment": "good"}
    for given, messages in ((again, 2), (again, 2), ({"rating": None}, 3)):
        body = {"message_id": reply, **given}
        assert talk.post("/api/feedback", params={"session_id": talk.session_id}, json=body).status_code == 200
        receiver.wait_for(talk.session_id, messages)
    ratings = [one.data for one in receiver.wait_for(talk.session_id, 3) if one.type == "feedback.given"]
    assert {(one["message_id"], one["rating"], one["comment"]) for one in ratings} == {
        (reply, "up", "good"),
        (reply, None, ""),
    }


def test_a_client_that_prefers_not_to_wait_gets_the_ids_and_resumes_the_stream(talk, provider, receiver):
    text = provider.script("later", [Text(["done"])])
    sent = {"json": {"text": text}, "headers": {"Prefer": "wait=1, respond-async", "Idempotency-Key": "one"}}
    answer = talk.post("/api/chat?app=scripted", **sent)
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (202, "respond-async")
    ids = answer.json()
    assert ids["session_id"] == talk.session_id
    with talk.streaming("GET", answer.headers["Location"]) as stream:
        assert [event["type"] for event in stream.events()] == ["text", "complete"]
    again = talk.post("/api/chat?app=scripted", **sent)
    assert (again.status_code, again.json(), again.headers["Location"]) == (202, ids, answer.headers["Location"])
    assert receiver.wait_for(talk.session_id)[0].data["run_id"] == ids["run_id"]


def test_a_receiver_that_hangs_keeps_nothing_waiting_and_is_seen_dropped_and_erased(
    site, talk, store, provider, receiver, monkeypatch
):
    others = [Client(site[1], talk.headers["X-API-Key"]) for _ in range(6)]
    text = provider.script("slow", *[[Text(["ok"])]] * 8)
    for client in others:
        client.ask(text, app="gateway")
    until(lambda: receiver.hung)
    talk.ask(text, app="scripted")
    receiver.wait_for(talk.session_id)

    monkeypatch.setenv("REDIS_URL", site[0].redis_url)
    monkeypatch.setenv("AOMI_CONFIG", site[0].environment["AOMI_CONFIG"])

    def run(*args):
        result = CliRunner().invoke(cli, args, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    failed = until(lambda: [one for one in json.loads(run("webhooks", "--json")) if one["error"]])
    assert {one["app"] for one in failed} == {"gateway"}
    assert not [word for word in (SECRET, "127.0.0.1") if word in run("webhooks")]
    until(lambda: "6 due, 0 failed" in run("inspect"))
    erased = others[0]
    erased.request("DELETE", f"/api/sessions/{erased.session_id}")
    assert "5 due, 0 failed" in run("inspect")
    assert "1 message." in run("webhooks", "retry", json.loads(run("webhooks", "--json"))[0]["message"])
    run("webhooks", "drop", "--app", "gateway", "--yes")
    assert json.loads(run("webhooks", "--json")) == []
    receiver.hang.set()
    name = 'aomi_webhook_attempts_total{"app":"gateway","result":"failed"}'
    assert until(lambda: float(store.hget("metrics", name) or 0))


def test_a_webhook_that_a_reload_brings_tells_of_turns(site, talk, receiver, monkeypatch):
    path = Path(site[0].environment["AOMI_CONFIG"])
    config = yaml.safe_load(path.read_text())
    of_app = {app["id"]: app for app in config["apps"]}
    of_app["default"]["webhook"] = of_app["scripted"]["webhook"]
    path.write_text(yaml.safe_dump(config))
    monkeypatch.setenv("REDIS_URL", site[0].redis_url)
    monkeypatch.setenv("AOMI_CONFIG", str(path))
    reloaded = CliRunner().invoke(cli, ["reload"], catch_exceptions=False)
    assert reloaded.exit_code == 0, reloaded.output
    talk.ask("hello")
    assert receiver.wait_for(talk.session_id)[0].type == "turn.completed"


def test_a_turn_whose_worker_was_killed_is_told_as_failed_by_another_one(site, talk, provider, receiver):
    backend, _, worker = site
    gate = threading.Event()
    text = provider.script("die", [Text(["begun "]), Held(gate)])
    with talk.chat(text, app="scripted") as stream:
        stream.next("text")
        backend.await_record(talk.session_id)
        worker.send(signal.SIGKILL)
        worker.wait()
        assert list(stream.events())[-1]["code"] == "worker_lost"
    gate.set()
    backend.processes.remove(worker)
    backend.worker()
    (one,) = receiver.wait_for(talk.session_id)
    assert (one.type, one.data["code"]) == ("turn.failed", "worker_lost")
    assert one.data["usage"]["estimated_calls"] == 1
    assert SECRET not in worker.log()
