"""A waiting message taken back: its streams end at once on every web process, and no model ever gets it."""

from __future__ import annotations

import time

from tests.support.backend import until
from tests.support.client import text_of
from tests.support.patience import kept
from tests.support.servers import Silence, Text

AT_ONCE = 0.3
WITHDRAWN = {"type": "complete", "interrupted": True}


def withdraw(client, run_id, url=None):
    params = {"session_id": client.session_id, "run_id": run_id}
    return client.request("DELETE", "/api/chat", url=url, params=params)


def test_a_withdrawn_message_ends_at_once_everywhere_and_reaches_no_model(client, webs, provider, figure):
    text = provider.script("the turn before", [Text(["begun"]), Silence()])
    provider.script("never mind", [Text(["no"])])
    provider.script("the next one", [Text(["yes"])])

    def take_back() -> float:
        with client.chat(text, app="scripted") as running, client.chat("never mind", app="scripted") as waiting:
            running.next("text")
            (listed,) = client.state()["waiting"]
            assert listed["text"] == "never mind"
            with client.resume(url=webs[1], run_id=listed["run_id"]) as elsewhere:
                asked = time.monotonic()
                answer = withdraw(client, listed["run_id"], url=webs[1])
                assert (answer.status_code, answer.json()) == (200, {"withdrawn": True})
                assert list(waiting.events()) == list(elsewhere.events()) == [WITHDRAWN]
                took = time.monotonic() - asked
            state = client.state()
            assert state["status"] == "processing"
            assert state["waiting"] == []
            assert "never mind" not in [message["content"] for message in state["messages"]]
            client.interrupt()
        return took

    kept(AT_ONCE, take_back, figure)
    assert text_of(client.ask("the next one", app="scripted")) == "yes"
    assert provider.requests("never mind") == []
    assert "never mind" not in str(provider.requests("the next one")[-1].messages)


def test_a_turn_that_runs_is_409_and_one_that_there_is_not_404(client, provider):
    text = provider.script("runs already", [Text(["begun"]), Silence()])
    with client.chat(text, app="scripted") as running:
        running.next("text")
        run_id = running.headers["Location"].rpartition("run_id=")[2]
        refusals = [withdraw(client, run_id), withdraw(client, "run_nobody"), withdraw(client, "")]
        assert [answer.status_code for answer in refusals] == [409, 404, 400]
        assert all(answer.json()["error"] for answer in refusals)
        client.interrupt()
        assert list(running.events())[-1] == WITHDRAWN


def test_a_retry_of_a_withdrawn_message_gets_its_end(client, provider):
    text = provider.script("runs meanwhile", [Text(["begun"]), Silence()])
    key = {"Idempotency-Key": "withdrawn"}
    body = {"json": {"text": "taken back"}, "headers": key}
    with client.chat(text, app="scripted") as running:
        running.next("text")
        with client.streaming("POST", "/api/chat?app=scripted", **body) as waiting:
            until(lambda: client.state()["waiting"])
            assert withdraw(client, client.state()["waiting"][0]["run_id"]).status_code == 200
            assert list(waiting.events()) == [WITHDRAWN]
        with client.streaming("POST", "/api/chat?app=scripted", **body) as again:
            assert list(again.events()) == [WITHDRAWN]
        client.interrupt()
