"""API keys: an identity that stays, and a secret, shown once, that changes."""

from __future__ import annotations

import hashlib
from decimal import Decimal

import pytest

from app.state import redis_keys
from app.state.accounts.api_keys import ApiKeys, KeyPolicy
from app.state.scripts import Store
from tests.state.conftest import Repeated


def sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


@pytest.fixture(params=[Store, Repeated])
def api_keys(request, connection, settings):
    return ApiKeys(request.param(connection, settings))


@pytest.fixture
def issued(api_keys):
    """Makes a key; returns its secret and itself."""

    def issue(apps=("shop",), **more):
        secret = api_keys.issue(apps, **more)
        return secret, api_keys.find(secret)

    return issue


def test_only_the_hash_of_a_secret_is_stored(issued, connection):
    secret, key = issued(label="mine")
    assert {name.decode() for name in connection.scan_iter()} == {f"key:{key.id}", f"api-key:{sha256(secret)}"}
    stored = str([connection.hgetall(name) for name in connection.scan_iter()])
    assert secret not in stored
    assert sha256(secret) in stored


def test_a_key_opens_its_apps_and_a_star_all(api_keys, issued):
    narrow, wide = issued(("shop", "bank"))[1], issued(("*",))[1]
    assert (narrow.allows("shop"), narrow.allows("bank"), narrow.allows("other")) == (True, True, False)
    assert wide.allows("other")
    assert api_keys.find("aomi_unknown") is None


def test_what_was_set_of_a_key_is_found_with_it_and_by_its_id(api_keys, issued):
    terms = {"expires_at": "2099-01-01T00:00:00.000Z", "requests_per_minute": 0, "running_turns": 3}
    _, key = issued(label="shop", budget=Decimal("12.50"), **terms)
    assert {name: getattr(key, name) for name in terms} == terms
    assert (key.label, key.budget, key.last_used_at, key.expired) == ("shop", Decimal("12.50"), "", False)
    assert api_keys.get(key.id) == key
    assert api_keys.get("000000000000") is None


def test_what_is_changed_counts_at_once_and_the_rest_goes_back_to_the_settings(api_keys, issued):
    secret, key = issued(requests_per_minute=5, budget=Decimal(1))
    assert api_keys.change(key, KeyPolicy(apps=("bank",), expires_at="2020-01-01T00:00:00.000Z", running_turns=1))
    changed = api_keys.find(secret)
    assert (changed.id, changed.apps, changed.running_turns, changed.expired) == (key.id, ("bank",), 1, True)
    assert (changed.requests_per_minute, changed.budget) == (None, None)


def test_a_rotated_key_keeps_its_id_and_its_old_secret_until_the_overlap_ends(api_keys, issued, connection):
    old, key = issued(label="mine")
    new = api_keys.rotate(key, overlap=60)
    assert api_keys.find(new) == api_keys.find(old) == key
    assert 50 < connection.ttl(redis_keys.api_key_secret(sha256(old))) <= 60
    assert connection.ttl(redis_keys.api_key_secret(sha256(new))) == -1
    connection.delete(redis_keys.api_key_secret(sha256(old)))  # as its life ends
    assert api_keys.find(old) is None
    assert api_keys.find(new) == key


def test_a_second_rotation_does_not_lengthen_the_life_of_the_first_secret(api_keys, issued, connection):
    first, key = issued()
    second = api_keys.rotate(key, overlap=60)
    third = api_keys.rotate(key, overlap=3600)
    assert connection.ttl(redis_keys.api_key_secret(sha256(first))) <= 60
    assert [api_keys.find(secret) for secret in (first, second, third)] == [key] * 3


def test_without_an_overlap_the_old_secret_is_refused_at_once(api_keys, issued):
    old, key = issued()
    new = api_keys.rotate(key, overlap=0)
    assert api_keys.find(old) is None
    assert api_keys.find(new) == key


def test_keys_are_listed_oldest_first_and_named_by_secret_id_or_its_beginning(api_keys, issued):
    (first, one), (_, two) = issued(label="one"), issued(label="two")
    assert api_keys.all() == [one, two]
    assert api_keys.named(first) == api_keys.named(one.id) == api_keys.named(one.id[:8]) == [one]


@pytest.mark.parametrize("wrong", ["", "*", "aomi_x", "abc", "*******", "????????????"])
def test_nothing_else_names_a_key(api_keys, issued, wrong):
    issued()
    assert api_keys.named(wrong) == []


def test_of_a_revoked_key_nothing_is_left_and_nothing_comes_back(api_keys, issued, connection):
    secret, key = issued()
    api_keys.rotate(key, overlap=60)
    api_keys.revoke(key)
    api_keys.used(key)
    assert not api_keys.change(key, KeyPolicy(apps=("shop",)))
    assert api_keys.rotate(key, overlap=60) is None
    assert api_keys.find(secret) is None
    assert list(connection.scan_iter()) == []


def test_its_last_use_is_written_once_a_minute(api_keys, issued):
    secret, key = issued()
    api_keys.used(key)
    used = api_keys.find(secret)
    assert used.last_used_at > key.created_at[:19]
    api_keys.used(used)
    assert api_keys.find(secret) == used


def test_a_key_that_is_known_costs_one_round_trip(api_keys, issued, monkeypatch):
    secret, _ = issued()
    pipelines = []
    made = api_keys._redis.pipeline
    monkeypatch.setattr(api_keys._redis, "pipeline", lambda **more: pipelines.append(1) or made(**more))
    monkeypatch.setattr(api_keys._redis, "hgetall", None)
    assert api_keys.find(secret)
    assert len(pipelines) == 1
