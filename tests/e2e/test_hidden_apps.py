"""Without a key nobody learns which apps and models there are, and no address sends a client elsewhere."""

from __future__ import annotations

import pytest

from app.config import Settings
from app.state.accounts.api_keys import ApiKeys
from app.state.scripts import Store
from tests.support.client import Client
from tests.support.raw import exchange

KEYED, NONE, OF_KEYED = "scripted", "never-was", "small"
"""An app that needs a key, an app that there is not, and a model that only the first one offers."""

REQUESTS = {
    "creating a session": ("POST", "/api/sessions", {}, {"app": "APP"}),
    "choosing an app": ("POST", "/api/control/app", {}, {"app": "APP"}),
    "a message": ("POST", "/api/chat", {"app": "APP"}, {"text": "hello"}),
    "a gen-1 message": ("POST", "/api/chat", {"app": "APP", "message": "hello"}, None),
    "gen-1 models": ("GET", "/api/control/models", {"app": "APP"}, None),
    "gen-1 models, other name": ("GET", "/api/control/models", {"namespace": "APP"}, None),
    "a gen-1 choice of a model": ("POST", "/api/control/model", {"app": "APP", "rig": OF_KEYED}, None),
    "a gen-1 choice of the default": ("POST", "/api/control/model", {"app": "APP", "rig": "demo"}, None),
}


@pytest.fixture(params=["no key", "a key for another app"])
def stranger(request, webs, redis):
    """A session of one who has no key for the app."""
    keys = ApiKeys(Store(redis, Settings()))
    client = Client(webs[0], keys.issue(("titled",), "stranger") if request.param != "no key" else None)
    assert client.post("/api/sessions").status_code == 200
    return client


def answer(client, request, app):
    method, path, params, body = request
    named = {name: app if value == "APP" else value for name, value in params.items()}
    sent = {"json": {name: app if value == "APP" else value for name, value in body.items()}} if body else {}
    got = client.request(method, path, params=named, **sent)
    return got.status_code, got.text.replace(repr(app), "APP")


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
def test_an_app_that_needs_a_key_answers_like_one_that_there_is_not(stranger, request_):
    assert answer(stranger, request_, KEYED) == answer(stranger, request_, NONE)
    assert stranger.get("/api/state", params={"session_id": stranger.session_id}).json()["app"] == "default"


@pytest.mark.parametrize("path", ["/api/chat", "/api/control/model"])
def test_a_model_of_such_an_app_answers_like_one_that_there_is_not(stranger, path):
    def choice(model):
        got = stranger.post(path, json={"text": "hello", "model": model})
        return got.status_code, got.text.replace(repr(model), "MODEL")

    assert choice(OF_KEYED) == choice("never-made")


def test_with_the_key_apps_and_models_are_told(client):
    assert client.post("/api/sessions", json={"app": KEYED}).status_code == 200
    assert OF_KEYED in client.get("/api/control/models", params={"app": KEYED}).json()
    assert client.post("/api/control/model", params={"app": KEYED, "rig": OF_KEYED}).status_code == 200
    refused = client.post("/api/control/app", json={"app": NONE})
    assert (refused.status_code, "There is no app" in refused.json()["error"]) == (400, True)


@pytest.mark.parametrize(
    "target",
    ["/api//chat", "/api/chat//", "/api/chat/", "//evil.example/api/chat", "/api///sessions", "/playground//"],
)
def test_no_address_is_a_redirect_made_of_the_host_header(webs, target):
    request = f"GET {target} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n".encode()
    (got,) = exchange(webs[0], request)
    assert (got.status, "There is no such path" in got.error) == (404, True)
    assert "location" not in got.headers
    assert b"evil" not in got.body
