"""CORS, as browsers need it: on answers, errors and streams, asked for without a key, and off by default."""

from __future__ import annotations

import uuid

import httpx
import pytest

from tests.support.patience import patient

PAGE = "https://app.example"


@pytest.fixture(scope="module")
def some(backend, worker):
    """A web for two origins."""
    process, url = backend.web(AOMI_CORS_ORIGINS=f"{PAGE}/, http://localhost:3000")
    yield url
    process.stop()


@pytest.fixture(scope="module")
def every(backend, worker):
    """A web for every origin."""
    process, url = backend.web(AOMI_CORS_ORIGINS="*")
    yield url
    process.stop()


def call(url, path, method="GET", origin=PAGE, **more):
    headers = {"Origin": origin, "X-Session-Id": str(uuid.uuid4())} | more.pop("headers", {})
    return httpx.request(method, f"{url}{path}", headers=headers, timeout=patient(20), **more)


def preflight(url, path, origin=PAGE):
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-session-id,x-api-key,content-type",
    }
    return httpx.options(f"{url}{path}", headers=headers)


@pytest.mark.parametrize("path", ["/api/chat", "/api/control/provider-keys/openai", "/api/nothing"])
def test_a_preflight_is_answered_without_session_or_key(some, path):
    answer = preflight(some, path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert {"GET", "POST", "PATCH", "DELETE"} <= set(answer.headers["access-control-allow-methods"].split(", "))
    allowed = set(answer.headers["access-control-allow-headers"].lower().split(", "))
    wanted = {"x-session-id", "x-api-key", "content-type", "accept", "last-event-id", "idempotency-key"}
    wanted |= {"aomi-app-key"}
    assert wanted <= allowed


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/api/state", "GET", 200),
        ("/api/state?session_id=nope", "GET", 400),
        ("/api/session/apps", "GET", 401),
        ("/api/nothing", "GET", 404),
        ("/api/chat", "PUT", 405),
        ("/api/simulate", "POST", 501),
    ],
)
def test_answers_and_errors_say_that_the_page_may_read_them(some, path, method, status):
    answer = call(some, path, method)
    assert answer.status_code == status
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert "Origin" in answer.headers["vary"]
    assert "access-control-allow-credentials" not in answer.headers


def test_streams_do_so_too(some):
    answer = call(some, "/api/chat", "POST", json={"text": "remember 1"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert "Location" in answer.headers["access-control-expose-headers"]


def test_another_origin_gets_nothing(some):
    for origin in ("https://other.example", "null", f"{PAGE}.evil.example", PAGE.replace("https", "http")):
        assert "access-control-allow-origin" not in call(some, "/api/state", origin=origin).headers
        assert "access-control-allow-origin" not in preflight(some, "/api/chat", origin).headers


def test_every_origin_may_be_let_in(every):
    assert call(every, "/api/state", origin="https://any.example").headers["access-control-allow-origin"] == "*"
    assert preflight(every, "/api/chat", "null").headers["access-control-allow-origin"] == "*"


def test_it_is_off_by_default(webs):
    assert "access-control-allow-origin" not in call(webs[0], "/api/state").headers
    assert "access-control-allow-origin" not in preflight(webs[0], "/api/chat").headers
