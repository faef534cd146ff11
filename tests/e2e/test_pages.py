"""Lists over HTTP: bounded, in pages, each with the address of the next one."""

from __future__ import annotations

import re
import uuid

import pytest
import redis as redis_py

from app import create_app, services
from app.config import Settings
from app.web.pages import MAX_ITEMS
from tests.support.backend import DEMO_ALONE


@pytest.fixture
def http(redis_url, tmp_path):
    """A client of an app of its own, in which a session may have three threads."""
    config, url = tmp_path / "aomi.yaml", redis_url.replace("/0", "/12")
    config.write_text(DEMO_ALONE)
    with redis_py.Redis.from_url(url) as connection:
        connection.flushdb()
        settings = Settings(REDIS_URL=url, config=config, metrics=False, max_threads=3, cors_origins="*")
        yield create_app(services.build(settings)).test_client()


@pytest.fixture
def session(http):
    session_id = str(uuid.uuid4())
    http.post("/api/sessions", headers={"X-Session-Id": session_id})
    return f"/api/sessions/{session_id}"


def next_page(answer) -> str:
    return re.fullmatch('<(.+)>; rel="next"', answer.headers["Link"])[1]


def test_the_sessions_of_a_public_key_come_in_pages_as_bare_arrays(http):
    made = [str(uuid.uuid4()) for _ in range(5)]
    for session_id in made:
        http.post("/api/sessions", headers={"X-Session-Id": session_id}, json={"public_key": "0xa&b"})
    whole = http.get("/api/sessions", query_string={"public_key": "0xa&b"})
    assert "Link" not in whole.headers
    headers = {"Origin": "https://a.example"}
    answer = http.get("/api/sessions", query_string={"public_key": "0xa&b", "limit": "2"}, headers=headers)
    assert "Link" in answer.headers["Access-Control-Expose-Headers"]
    found = []
    while "Link" in answer.headers:
        found += answer.json
        answer = http.get(next_page(answer))
    found += answer.json
    assert found == whole.json
    assert [one["session_id"] for one in found] == made[::-1]


def test_the_threads_of_a_session_come_in_pages_the_newest_first_each_oldest_first(http, session):
    opened = [http.post(f"{session}/threads", json={"title": f"{number}"}).json for number in range(3)]
    answer = http.get(session, query_string={"limit": "2"})
    assert answer.json["threads"] == opened[1:]
    older = http.get(next_page(answer))
    assert (older.json["threads"], "Link" in older.headers) == (opened[:1], False)
    assert http.get(session).json["threads"] == opened


def test_a_thread_too_many_is_refused_until_another_one_is_deleted(http, session):
    first, *_ = [http.post(f"{session}/threads").json["id"] for _ in range(3)]
    refused = http.post(f"{session}/threads")
    assert refused.status_code == 409
    assert refused.json == {"error": "The session has 3 threads, the most that it may have; delete some first"}
    http.delete(f"{session}/threads/{first}")
    assert http.post(f"{session}/threads").status_code == 200


@pytest.mark.parametrize("name", ["limit", "cursor"])
@pytest.mark.parametrize("value", ["", "-1", "x", "1.5", "²", "9" * 30])
def test_a_page_that_nobody_can_mean_is_refused(http, session, name, value):
    answer = http.get(session, query_string={name: value})
    assert (answer.status_code, f"'{name}' must be" in answer.json["error"]) == (400, True)


def test_a_page_above_the_maximum_is_one_of_the_maximum(http, session):
    assert http.get(session, query_string={"limit": str(MAX_ITEMS * 10)}).status_code == 200
