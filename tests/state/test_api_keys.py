"""API keys: shown once, stored as a hash."""

from __future__ import annotations

import hashlib

import pytest

from app.state.api_keys import ApiKeys


@pytest.fixture
def api_keys(store):
    return ApiKeys(store)


def test_only_the_hash_of_a_key_is_stored(api_keys, connection):
    key = api_keys.issue(("shop",), "mine")
    (name,) = connection.keys()
    assert name.decode() == f"api-key:{hashlib.sha256(key.encode()).hexdigest()}"
    assert key not in str(connection.hgetall(name))


def test_a_key_opens_its_apps_and_a_star_all(api_keys):
    narrow, wide = (api_keys.find(api_keys.issue(apps)) for apps in (("shop", "bank"), ("*",)))
    assert (narrow.allows("shop"), narrow.allows("bank"), narrow.allows("other")) == (True, True, False)
    assert wide.allows("other")
    assert api_keys.find("aomi_unknown") is None


def test_keys_are_listed_oldest_first_and_revoked_by_id_or_in_full(api_keys):
    first, second = api_keys.issue(("a",), "one"), api_keys.issue(("b",), "two")
    assert [key.label for key in api_keys.all()] == ["one", "two"]
    assert api_keys.revoke(api_keys.find(first).id) == 1
    assert api_keys.revoke(second) == 1
    assert api_keys.all() == []


@pytest.mark.parametrize("wrong", ["", "*", "aomi_x", "abc", "*******"])
def test_nothing_else_is_revoked(api_keys, wrong):
    api_keys.issue(("a",))
    assert api_keys.revoke(wrong) == 0
    assert len(api_keys.all()) == 1
