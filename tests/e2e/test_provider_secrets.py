"""Provider keys that React's `useControl().setProviderKey` sends as secrets, named `PROVIDER_KEY:openai`."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app.config import Settings
from app.state import redis_keys
from app.state.accounts.api_keys import ApiKeys
from app.state.accounts.vault import client_digest
from app.state.scripts import Store
from tests.support.gen1 import Gen1
from tests.support.patience import until
from tests.support.servers import Text, Uses

OWN_KEY = "sk-own-0123456789abcdef-of-the-client"
NAME = "PROVIDER_KEY:openai"


@pytest.fixture
def gen1(webs, key):
    return Gen1(webs[0], key)


def save(gen1, **secrets):
    return gen1.call("POST", "/api/secrets", json={"client_id": gen1.client_id, "secrets": secrets})["handles"]


def key_used(gen1, provider, text, app="scripted"):
    """The key with which the provider was asked in a turn of this client."""
    provider.script(text, [Text(["ok"])])
    gen1.send(text, app=app, client_id=gen1.client_id)
    gen1.finish()
    (seen,) = provider.requests(text)
    assert "$SECRET" not in str(seen.messages)
    return seen.key


def delete(gen1, name=""):
    path = f"/api/secrets/{name.replace(':', '%3A')}" if name else "/api/secrets"  # as encodeURIComponent writes it
    return gen1.call("DELETE", path, params={"client_id": gen1.client_id})


def test_it_is_the_own_key_of_that_provider_until_it_is_deleted(gen1, provider):
    assert save(gen1, **{NAME: f" {OWN_KEY} "}) == {}
    assert key_used(gen1, provider, "sent as a secret") == f"Bearer {OWN_KEY}"
    shown = {"provider": "openai", "key_prefix": "sk-own-", "label": None, "is_active": True}
    assert gen1.call("GET", "/api/control/provider-keys") == {"provider_keys": [shown]}
    assert delete(gen1, NAME) == {"deleted": True}
    assert delete(gen1, NAME) == {"deleted": False}
    assert key_used(gen1, provider, "deleted as a secret") == "Bearer sk-test-provider-key"


def test_the_newer_of_two_ways_to_save_a_key_counts(gen1, provider):
    gen1.poll(client_id=gen1.client_id)
    gen1.call("POST", "/api/control/provider-keys", json={"provider": "openai", "api_key": "sk-own-older"})
    save(gen1, **{"PROVIDER_KEY:OpenAI": OWN_KEY})
    assert key_used(gen1, provider, "saved in two ways") == f"Bearer {OWN_KEY}"
    assert gen1.call("DELETE", "/api/control/provider-keys/openai") == {"deleted": True}


def test_clearing_the_secrets_leaves_keys_that_were_not_sent_as_secrets(gen1):
    gen1.poll(client_id=gen1.client_id)
    gen1.call("POST", "/api/control/provider-keys", json={"provider": "groq", "api_key": "gsk-own"})
    assert save(gen1, **{NAME: OWN_KEY, "TOKEN": "s3cret-value"}) == {"TOKEN": "$SECRET:TOKEN"}
    assert delete(gen1) == {"cleared": True}
    kept = gen1.call("GET", "/api/control/provider-keys")["provider_keys"]
    assert [key["provider"] for key in kept] == ["groq"]


def test_it_pays_where_the_budget_of_the_api_key_is_spent(webs, redis, provider):
    limited = Gen1(webs[0], ApiKeys(Store(redis, Settings())).issue(("*",), "limited", budget=Decimal("0.01")))
    save(limited, **{NAME: OWN_KEY})
    limited.send(provider.script("the operator pays once", [Uses(10, 0), Text(["gone"])]), app="scripted")
    limited.finish()
    stranger = {"message": "and again", "app": "scripted"}
    until(
        lambda: limited.http.post("/api/chat", params=stranger, headers=limited.header | limited.key).status_code == 402
    )
    limited.finish()
    assert key_used(limited, provider, "I pay myself", "own") == f"Bearer {OWN_KEY}"


def test_no_tool_gets_it_as_a_secret(gen1, redis):
    save(gen1, **{NAME: OWN_KEY})
    client = client_digest(gen1.client_id)
    assert redis.hkeys(redis_keys.provider_keys(client)) == [b"openai"]
    assert not redis.exists(redis_keys.secrets(client))


@pytest.mark.parametrize(
    ("secrets", "words"),
    [
        ({"PROVIDER_KEY:": OWN_KEY}, "name of a model provider"),
        ({"PROVIDER_KEY:open ai": OWN_KEY}, "name of a model provider"),
        ({NAME: "clé"}, "printable ASCII"),
        ({NAME: "x" * 2000}, "1,024"),
        ({NAME: None}, "printable ASCII"),
        ({"OTHER:openai": OWN_KEY}, "PROVIDER_KEY:openai"),
    ],
)
def test_one_that_cannot_be_a_key_is_refused_and_nothing_is_stored(gen1, redis, secrets, words):
    body = {"client_id": gen1.client_id, "secrets": {"TOKEN": "s3cret-value"} | secrets}
    answer = gen1.http.post("/api/secrets", json=body)
    assert (answer.status_code, words in answer.json()["error"]) == (400, True), answer.text
    assert not redis.exists(redis_keys.secrets(client_digest(gen1.client_id)))
