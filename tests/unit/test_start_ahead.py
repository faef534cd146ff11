"""A message is made of what this process read of its session last, and made again if others have chosen since."""

from __future__ import annotations

import uuid

import fakeredis
import pytest
import yaml

from app import create_app
from app.config import Settings
from app.services import build

MODELS = [{"model_name": name, "litellm_params": {"model": f"openai/{name}"}} for name in ("one", "two", "three")]
APPS = [{"id": "default", "model": "one", "models": ["one", "two"]}, {"id": "locked", "model": "three"}]


@pytest.fixture
def processes(tmp_path):
    """The parts of two web processes."""
    config = tmp_path / "aomi.yaml"
    config.write_text(yaml.safe_dump({"model_list": MODELS, "apps": APPS}))
    redis = fakeredis.FakeRedis(server=fakeredis.FakeServer(), lua_modules=set())
    return [build(Settings(_env_file=None, config=config), redis, redis, redis) for _ in range(2)]


@pytest.fixture
def here(processes):
    return processes[0]


@pytest.fixture
def elsewhere(processes):
    return processes[1]


@pytest.fixture
def session_id(here):
    session_id = str(uuid.uuid4())
    here.sessions.create(session_id, {})
    return session_id


@pytest.fixture
def send(here, session_id):
    """Sends a message to one of them. Returns the response."""
    client = create_app(here).test_client()

    def sent(**more):
        headers = {"X-Session-Id": session_id, "Prefer": "respond-async"} | more
        return client.post("/api/chat", json={"text": "hello"}, headers=headers)

    return sent


def model_of(here, response):
    assert response.status_code == 202, response.json
    return here.runs.get(response.json["session_id"], response.json["run_id"]).model


def test_a_session_that_was_not_read_is_not_read_first(here, send, monkeypatch):
    monkeypatch.setattr(here.sessions, "get", None)
    assert model_of(here, send()) == "one"


def test_a_model_that_was_chosen_in_another_process_answers(here, elsewhere, send, session_id, monkeypatch):
    elsewhere.sessions.change(session_id, {"model": "two"}, [])
    assert model_of(here, send()) == "two"
    monkeypatch.setattr(here.sessions, "get", None)
    assert model_of(here, send()) == "two"


def test_an_app_that_was_chosen_in_another_process_needs_its_key(here, elsewhere, send, session_id):
    elsewhere.sessions.change(session_id, {"chosen_app": "locked"}, [])
    assert send().status_code == 401
    assert here.runs.current(session_id) == ""
    key = here.api_keys.issue(("locked",))
    assert model_of(here, send(**{"X-API-Key": key})) == "three"


def test_what_was_seen_and_is_no_longer_so_refuses_nothing(here, elsewhere, send, session_id):
    elsewhere.sessions.change(session_id, {"chosen_app": "locked"}, [])
    here.sessions.get(session_id)
    elsewhere.sessions.change(session_id, {"chosen_app": "default"}, [])
    assert model_of(here, send()) == "one"


def test_a_wrong_key_counts_once(here, send, monkeypatch):
    taken = []
    take = here.rates.take
    monkeypatch.setattr(here.rates, "take", lambda rates: taken.extend(rates) or take(rates))
    assert send(**{"X-API-Key": "wrong"}).status_code == 401
    assert len([rate for rate in taken if rate.kind == "wrong-keys"]) == 1
