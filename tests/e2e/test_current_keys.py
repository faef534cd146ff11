"""A turn asks for its API key again when it begins: whoever lost the key cannot go on with what it began."""

from __future__ import annotations

import threading
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from app.config import Settings
from app.state.accounts.api_keys import ApiKeys
from app.state.scripts import Store
from tests.support.client import Client, kinds
from tests.support.gen1 import Gen1, said
from tests.support.patience import until
from tests.support.servers import Calls, Held, Text, Uses

TX = {"to": "0x" + "ab" * 20, "value": "1", "data": "0x", "chain_id": 1, "label": "Pay"}


@pytest.fixture
def keys(redis):
    return ApiKeys(Store(redis, Settings()))


@pytest.fixture
def secret(keys):
    """An API key of the test's own."""
    return keys.issue(("scripted",), "lost later")


@pytest.fixture
def user(webs, secret):
    return Client(webs[0], secret)


def revoke(keys, key):
    keys.revoke(key)


def expire(keys, key):
    keys.change(key, replace(key, expires_at="2020-01-01T00:00:00.000Z"))


def close_app(keys, key):
    keys.change(key, replace(key, apps=("own",)))


LOSSES = pytest.mark.parametrize("lose", [revoke, expire, close_app])


def reply(user, number=1):
    params, body = {"session_id": user.session_id}, {"id": number, "result": {"status": "success"}}
    return user.http.post(f"{user.url}/api/control/wallet_result", params=params, json=body)


@LOSSES
def test_the_reply_to_a_client_request_needs_the_key_of_its_turn(user, keys, secret, provider, lose):
    text = provider.script(f"asks {lose.__name__}", [Calls([("SendTransactionToWallet", TX)])], [Text(["Sign."])])
    user.ask(text, app="scripted")
    before = len(provider.seen)
    lose(keys, keys.find(secret))
    refused = reply(user)
    assert (refused.status_code, "send a message with a valid key" in refused.json()["error"]) == (401, True)
    assert list(user.state()["user_state"]["pending_txs"]) == ["1"]
    gen1 = Gen1(user.url)
    gen1.header = {"X-Session-Id": user.session_id}
    told = gen1.system("wallet:tx_complete", {"txHash": "0x1", "status": "success", "pending_tx_ids": [1]})
    assert told["content"].startswith("Refused: The API key")
    assert (gen1.poll()["is_processing"], len(provider.seen)) == (False, before)


def test_a_key_with_another_secret_is_the_same_key(user, keys, secret, provider):
    text = provider.script("rotated", [Calls([("SendTransactionToWallet", TX)])], [Text(["Sign."])])
    user.ask(text, app="scripted")
    keys.rotate(keys.find(secret), overlap=0)
    assert reply(user).json() == {"success": True, "id": 1}


@LOSSES
def test_a_message_that_waits_ends_with_an_error_when_its_turn_comes(user, keys, secret, provider, lose):
    release = threading.Event()
    first = provider.script(f"first {lose.__name__}", [Held(release), Text(["said"])])
    later = provider.script(f"later {lose.__name__}", [Text(["never"])])
    with user.chat(first, app="scripted") as running, user.chat(later, app="scripted") as waiting:
        until(lambda: provider.requests(first), what="the first turn to have begun with the key")
        lose(keys, keys.find(secret))
        release.set()
        assert kinds(list(running.events())) == ["text", "complete"]
        (end,) = waiting.events()
    assert (end["type"], end["code"], end["retryable"]) == ("error", "unauthorized", False)
    assert provider.requests(later) == []


def test_a_watch_ends_with_the_key_of_its_turn(user, keys, secret, provider, tmp_path):
    go_on = tmp_path / "go on"
    calls = Calls([("Recur", {"times": 1000, "every": 0.3}), ("CountWhenTold", {"n": 1000, "file": str(go_on)})])
    user.ask(provider.script("watch for long", [calls], [Text(["Watching."])]), app="scripted")
    keys.revoke(keys.find(secret))
    Path(go_on).touch()

    def ends():
        steps = [message for message in user.state()["messages"] if message["role"] == "tool"]
        refused = [step for step in steps if "API key" in str(step)]
        return refused if len(refused) == 2 else None

    until(ends, what="the last steps of both")


def test_a_turn_has_the_budget_that_its_key_has_when_it_begins(user, keys, secret, provider):
    asking = [Uses(10, 0), Calls([("SendTransactionToWallet", TX)])]
    user.ask(provider.script("asks for little", asking, [Text(["Sign."])]), app="scripted")
    keys.change(keys.find(secret), replace(keys.find(secret), budget=Decimal("0.001")))
    until(lambda: user.get("/api/usage").json()["total"]["cost_usd"] > 0.001, what="the calls to be settled")
    assert reply(user).status_code == 200
    with user.resume() as stream:
        (end,) = stream.events()
    assert end["code"] == "budget_spent"


def test_a_turn_without_a_key_needs_none(webs, provider):
    gen1 = Gen1(webs[0])
    gen1.send("remember 5")
    assert said(gen1.finish())[-1][0] == "agent"
