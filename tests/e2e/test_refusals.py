"""Every request that is refused is answered in JSON that says what was wrong, in the documented order."""

from __future__ import annotations

import uuid

import pytest

from app.config import Settings
from app.state.accounts.api_keys import ApiKeys
from app.state.scripts import Store
from tests.support.client import Client
from tests.support.patience import patient

GOOD = {"text": "hello"}


@pytest.fixture(scope="module")
def narrow_key(redis):
    """A key for an app that does not exist (any more)."""
    return ApiKeys(Store(redis, Settings())).issue(("gone", "titled"), "narrow")


@pytest.mark.parametrize(
    ("headers", "query", "body", "status", "words"),
    [
        ({}, "", GOOD, 400, "session id is needed"),
        ({"X-Session-Id": "nope"}, "", GOOD, 400, "must be a UUID"),
        ({"X-Session-Id": "x" * 5000}, "", GOOD, 400, "must be a UUID"),
        ({"X-Session-Id": "nope", "X-API-Key": "bad"}, "?app=scripted", GOOD, 400, "must be a UUID"),
        ({"X-API-Key": "bad"}, "", "not json", 401, "not valid"),
        ({}, "?app=scripted", "not json", 401, "needs an API key"),
        ({}, "?namespace=scripted", GOOD, 401, "needs an API key"),
        ({}, "?app=gone", GOOD, 401, "needs an API key"),
        ({"X-API-Key": "NARROW"}, "?app=scripted", GOOD, 403, "does not authorize"),
        ({"X-API-Key": "NARROW"}, "?app=never-was", GOOD, 403, "does not authorize"),
        ({"Aomi-App-Key": "NARROW"}, "?app=gone", GOOD, 404, "no app 'gone'"),
        ({"X-API-Key": "ALL"}, "?app=never-was", GOOD, 404, "no app"),
        ({}, "", "not json", 400, "must be JSON"),
        ({}, "", "", 400, "must be JSON"),
        ({}, "", '{"text": NaN}', 400, "must be JSON"),
        ({}, "", '{"text": "\\ud800"}', 400, "must be JSON"),
        ({}, "", b'{"text": "\xff"}', 400, "must be JSON"),
        ({}, "", "[" * 100_000, 400, "must be JSON"),
        ({}, "", "[1]", 400, "JSON object"),
        ({}, "", "{}", 400, "'text'"),
        ({}, "", {"text": 5}, 400, "'text'"),
        ({}, "", {"text": " \n "}, 400, "'text'"),
        ({}, "", {"text": "x" * 32_001}, 400, "32,000"),
        ({}, "", GOOD | {"on_busy": "explode"}, 400, "'on_busy'"),
        ({}, "", GOOD | {"model": "gpt-99"}, 400, "does not offer"),
        ({}, "", GOOD | {"user_state": [1]}, 400, "'user_state'"),
        ({}, "", '{"text": "x", "user_state": ' + '{"a":' * 300 + "1" + "}" * 301, 400, "nested too deeply"),
        ({}, "", GOOD | {"user_state": {"a": "x" * 17_000}}, 400, "16 KiB"),
        ({}, "", GOOD | {"thread_id": "thread_x"}, 404, "no such thread"),
        ({}, "", {"text": "x" * 1_100_000}, 413, "1 MiB"),
    ],
)
def test_chat_refuses(webs, key, narrow_key, headers, query, body, status, words):
    client = Client(webs[0])
    headers = {"X-Session-Id": client.session_id} | headers
    named = {"NARROW": narrow_key, "ALL": key}
    headers = {name: named.get(value, value) for name, value in headers.items()}
    if not words.startswith("session id"):
        headers.setdefault("X-Session-Id", str(uuid.uuid4()))
    else:
        del headers["X-Session-Id"]
    content = {"json": body} if isinstance(body, dict) else {"content": body}
    answer = client.http.post(f"{webs[0]}/api/chat{query}", headers=headers, **content)
    assert answer.status_code == status
    assert list(answer.json()) == ["error"]
    assert words in answer.json()["error"]
    assert client.get(f"/api/sessions/{client.session_id}").status_code == 404, "a refused message makes no session"


def test_the_longest_text_is_taken(client):
    assert client.ask("x" * 32_000)[-1] == {"type": "complete"}


def test_unknown_paths_and_wrong_methods_are_json(webs, client):
    missing = client.http.get(f"{webs[0]}/api/nothing")
    assert (missing.status_code, list(missing.json())) == (404, ["error"])
    wrong = client.http.put(f"{webs[0]}/api/chat")
    assert (wrong.status_code, list(wrong.json())) == (405, ["error"])
    assert "POST" in wrong.headers["allow"]


def test_ids_that_are_no_uuids_are_taken_when_the_operator_says_so(backend, worker):
    process, url = backend.web(AOMI_SESSION_ID_FORMAT="token")
    client = Client(url, session_id="telegram:12345678")
    assert client.ask("remember 1")[-1] == {"type": "complete"}
    assert Client(url, session_id="short").get("/api/state").status_code == 400
    process.stop()


def test_a_redis_that_is_away_is_503_within_two_seconds(backend):
    process, url = backend.web(REDIS_URL="redis://127.0.0.1:1/0")
    client = Client(url)
    for answer in (client.get("/api/state"), client.post("/api/chat", json=GOOD), client.post("/api/sessions")):
        assert answer.status_code == 503
        assert answer.elapsed.total_seconds() < patient(2)
        assert int(answer.headers["retry-after"]) > 0
        assert "error" in answer.json()
    process.stop()


def test_readiness_needs_redis_and_a_worker(webs, client):
    assert client.http.get(f"{webs[0]}/readyz").status_code == 200
