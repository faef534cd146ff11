"""AOMI_REQUIRE_KEY_FOR_SESSIONS: the key of a session's app, also where chat alone asks for it else."""

from __future__ import annotations

import pytest

from app.config import Settings
from app.state.accounts.api_keys import ApiKeys
from app.state.scripts import Store
from tests.support.client import Client

CALLS = [
    ("GET", "/api/state"),
    ("GET", "/api/state?session_id={id}"),
    ("GET", "/api/sessions/{id}"),
    ("PATCH", "/api/sessions/{id}"),
    ("POST", "/api/sessions/{id}/threads"),
    ("POST", "/api/interrupt"),
    ("GET", "/api/chat"),
    ("GET", "/api/updates"),
    ("POST", "/api/control/title"),
    ("POST", "/api/system?message=x"),
    ("GET", "/api/control/provider-keys"),
    ("DELETE", "/api/sessions/{id}"),
]


@pytest.fixture(scope="module")
def strict(backend, worker):
    process, url = backend.web(AOMI_REQUIRE_KEY_FOR_SESSIONS="true")
    yield url
    process.stop()


@pytest.fixture
def owned(strict, key):
    """A session of an app that needs a key."""
    client = Client(strict, key)
    client.ask("hello", app="scripted")
    return client


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_a_session_of_an_app_is_closed_to_those_without_its_key(strict, owned, redis, method, path):
    path = path.replace("{id}", owned.session_id)
    narrow = ApiKeys(Store(redis, Settings())).issue(("titled",), "narrow")
    for key, status in ((None, 401), ("bad", 401), (narrow, 403)):
        answer = Client(strict, key, owned.session_id).request(method, path)
        assert (answer.status_code, list(answer.json())) == (status, ["error"])
    assert owned.state()["messages"]


def test_its_owner_and_sessions_of_the_default_app_go_on_as_before(strict, owned):
    assert owned.state()["status"] == "idle"
    assert owned.interrupt() is False
    free = Client(strict)
    free.ask("remember 1")
    assert free.state()["messages"]
    assert free.get("/api/session/models").status_code == 200


def test_lists_of_sessions_ask_for_a_key(strict, owned):
    path = "/api/sessions?public_key=0x1"
    assert owned.http.get(f"{strict}{path}").status_code == 401
    assert owned.get(path).json() == []
