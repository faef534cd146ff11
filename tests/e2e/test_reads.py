"""Requests that read: they keep nothing for a session that does not exist, and are limited where they write."""

from __future__ import annotations

import uuid

import pytest
import redis as redis_py
from cryptography.fernet import Fernet

from app import create_app, services
from app.config import Settings
from app.state.accounts.vault import INTRODUCED_SECONDS
from tests.support.backend import DEMO_ALONE
from tests.support.remains import standing_in

QUERY = {"client_id": "my client", "user_state": '{"address":"0xfeed"}', "public_key": "0xabc", "count": "5"}


@pytest.fixture
def front(redis_url, tmp_path):
    """Makes an app of its own, with the given settings, and a Redis that is empty."""
    config, url = tmp_path / "aomi.yaml", redis_url.replace("/0", "/11")
    config.write_text(DEMO_ALONE)
    with redis_py.Redis.from_url(url) as connection:
        connection.flushdb()

        def made(**limits):
            key = Fernet.generate_key().decode()
            settings = Settings(REDIS_URL=url, config=config, encryption_key=key, metrics=False, **limits)
            app = create_app(services.build(settings))
            app.extensions["test_redis"] = connection
            return app

        yield made


def reading_paths(app) -> list[str]:
    rules = [rule for rule in app.url_map.iter_rules() if "GET" in rule.methods and "filename" not in rule.arguments]
    return [rule.rule.replace("<session_id>", str(uuid.uuid4())) for rule in rules if rule.arguments <= {"session_id"}]


def polled(http, session_id, **query):
    return http.get("/api/state", headers={"X-Session-Id": session_id}, query_string=query)


def test_no_reading_request_keeps_anything_for_a_session_that_does_not_exist(front):
    app = front()
    redis, paths = app.extensions["test_redis"], reading_paths(app)
    assert {"/api/state", "/api/events", "/api/chat", "/api/updates", "/api/control/provider-keys"} <= set(paths)
    for path in paths:
        for where in ("headers", "query_string"):
            session_id = str(uuid.uuid4())
            header = {"X-Session-Id": session_id}
            more = {"query_string": QUERY, "headers": header}
            if where == "query_string":
                more = {"query_string": QUERY | {"session_id": session_id}}
            answer = app.test_client().get(path, buffered=False, **more)
            answer.close()
            assert answer.status_code in (200, 204, 400, 401, 404, 503), (path, answer.text)
            assert standing_in(redis, session_id, "0xfeed", "my client") == [], path
    kept = [name for name in redis.scan_iter() if not name.startswith(b"session:introduced:")]
    assert kept == []
    assert all(0 < redis.ttl(name) <= INTRODUCED_SECONDS for name in redis.scan_iter())


def test_a_client_that_named_its_session_first_saves_a_key_for_it(front):
    http, session_id = front().test_client(), str(uuid.uuid4())
    header = {"X-Session-Id": session_id}
    polled(http, session_id, client_id="my client")
    assert http.get(f"/api/sessions/{session_id}").status_code == 404
    sent = {"provider": "openai", "api_key": "sk-own-0123456789-0123456789"}
    assert http.post("/api/control/provider-keys", headers=header, json=sent).status_code == 200
    assert http.get("/api/control/provider-keys", headers=header).json["provider_keys"][0]["provider"] == "openai"
    assert http.get(f"/api/sessions/{session_id}").status_code == 200


@pytest.mark.parametrize(
    ("first", "changed"),
    [
        ({"client_id": "one"}, {"client_id": "two"}),
        ({"user_state": '{"address":"0x1"}'}, {"user_state": '{"address":"0x2"}'}),
    ],
)
@pytest.mark.parametrize("limit", ["requests_per_minute_address", "requests_per_minute_session"])
def test_a_poll_that_changes_something_is_limited_as_a_write(front, limit, first, changed):
    http, session_id = front(**{limit: 2}).test_client(), str(uuid.uuid4())
    assert http.post("/api/sessions", headers={"X-Session-Id": session_id}).status_code == 200
    assert [polled(http, session_id, **first).status_code for _ in range(4)] == [200] * 4
    refused = polled(http, session_id, **changed)
    assert (refused.status_code, refused.json["error"][:17]) == (429, "Too many requests")
    assert [polled(http, session_id, **first).status_code for _ in range(2)] == [200] * 2


def test_a_poll_that_names_a_session_that_does_not_exist_is_limited_as_a_write(front):
    http = front(requests_per_minute_address=2).test_client()
    answers = [polled(http, str(uuid.uuid4()), client_id="one").status_code for _ in range(3)]
    assert answers == [200, 200, 429]
