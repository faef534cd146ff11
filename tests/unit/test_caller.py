"""Who sends a request: its key is found once, its app must be open to it, its client is known by a digest alone."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from flask import Flask

from app.catalog import App, Catalog, Model
from app.config import Settings
from app.errors import BadRequest, Forbidden, NotFound, Unauthorized
from app.state.accounts.api_keys import ApiKey
from app.state.accounts.vault import client_digest
from app.web.access import caller
from app.web.access.caller import Caller

KEYS = {
    "shop-key": ApiKey(id="1", apps=("shop",), label="", created_at=""),
    "other-key": ApiKey(id="2", apps=("other",), label="", created_at=""),
    "old-key": ApiKey(
        id="4", apps=("*",), label="", created_at="", expires_at="2020-01-31T00:00:00.000Z", expired=True
    ),
    "any-key": ApiKey(id="3", apps=("*",), label="", created_at=""),
}


@pytest.fixture
def found():
    """The keys that were looked up."""
    return []


@pytest.fixture
def asked(found):
    """Makes a request to a backend with the apps `default` and `shop` and no other parts than these."""

    def find(secret):
        found.append(secret)
        return KEYS.get(secret)

    def asked(path="/", **request):
        model = Model(model_name="m", litellm_params={"model": "m"})
        app = Flask("tests")
        app.extensions["aomi"] = SimpleNamespace(
            settings=Settings(_env_file=None),
            catalog=Catalog([App(id="default", model="m"), App(id="shop", model="m")], [model]),
            api_keys=SimpleNamespace(find=find, used=lambda key: None),
        )
        return app.test_request_context(path, **request)

    return asked


@pytest.mark.parametrize(
    ("name", "headers", "answer"),
    [
        (None, {}, "default"),
        (None, {"X-API-Key": "any-key"}, "default"),
        (None, {"X-API-Key": "wrong"}, Unauthorized),
        ("shop", {}, Unauthorized),
        ("shop", {"X-API-Key": "wrong"}, Unauthorized),
        ("shop", {"X-API-Key": "other-key"}, Forbidden),
        ("shop", {"X-API-Key": "shop-key"}, "shop"),
        ("shop", {"Aomi-App-Key": "shop-key"}, "shop"),
        ("shop", {"X-API-Key": "any-key"}, "shop"),
        ("shop", {"X-API-Key": "old-key"}, Unauthorized),
        (None, {"X-API-Key": "old-key"}, Unauthorized),
        ("gone", {}, Unauthorized),
        ("gone", {"X-API-Key": "shop-key"}, Forbidden),
        ("gone", {"X-API-Key": "any-key"}, NotFound),
    ],
)
def test_an_app_opens_to_its_keys_alone(asked, name, headers, answer):
    with asked(headers=headers):
        if isinstance(answer, str):
            assert caller.authorized_app(name).id == answer
        else:
            with pytest.raises(answer):
                caller.authorized_app(name)


@pytest.mark.parametrize(
    ("name", "key", "error"),
    [("gone", "any-key", BadRequest), ("gone", None, Unauthorized), ("shop", None, Unauthorized)],
)
def test_an_app_in_a_body_is_known_to_its_keys_alone(asked, name, key, error):
    with asked(headers={"X-API-Key": key} if key else {}), pytest.raises(error):
        caller.check_app_opens(name)
    with asked(headers={"X-API-Key": "shop-key"}):
        caller.check_app_opens("shop")


def test_a_caller_has_its_key_client_and_address(asked):
    remote = {"REMOTE_ADDR": "192.0.2.1"}
    with asked("/?client_id=abc", headers={"X-API-Key": "shop-key"}, environ_base=remote):
        assert caller.current_caller() == Caller(KEYS["shop-key"], client_digest("abc"), "192.0.2.1")
    with asked(environ_base=remote):
        assert caller.current_caller() == Caller(None, "", "192.0.2.1")


def test_a_key_is_looked_up_once_a_request(asked, found):
    with asked(headers={"X-API-Key": "shop-key"}):
        assert caller.api_key_or_none() is caller.api_key() is caller.current_caller().api_key
        assert caller.current_caller() is caller.current_caller()
    assert found == ["shop-key"]


def test_an_expired_key_still_tells_whose_requests_to_count(asked):
    with asked(headers={"X-API-Key": "old-key"}):
        assert caller.api_key_or_none() == KEYS["old-key"]
        with pytest.raises(Unauthorized, match="expired at 2020-01-31"):
            caller.current_caller()


def test_where_a_key_is_needed_none_is_refused(asked):
    with asked(), pytest.raises(Unauthorized, match="send it as X-API-Key"):
        caller.required_api_key()


@pytest.mark.parametrize("query", ["client_id=", "client_id=%20", f"client_id={'x' * 257}"])
def test_a_client_id_that_is_blank_or_too_long_is_refused(asked, query):
    with asked(f"/?{query}"), pytest.raises(BadRequest, match="'client_id'"):
        caller.current_caller()
