"""Rates: so many a minute, without a seam between two minutes."""

from __future__ import annotations

import pytest

from app.state.accounts.rates import Rate, Rates


@pytest.fixture
def rates(store):
    return Rates(store)


def test_what_is_beyond_the_rate_is_refused_with_the_seconds_to_wait(rates):
    rate = Rate("key", "ab12", 3)
    assert [rates.take([rate]) for _ in range(3)] == [None] * 3
    exceeded = rates.take([rate])
    assert exceeded.rate == rate
    assert 1 <= exceeded.wait <= 60


def test_each_has_its_own(rates):
    assert rates.take([Rate("key", "a", 1)]) is None
    assert rates.take([Rate("key", "b", 1)]) is None
    assert rates.take([Rate("session", "a", 1)]) is None
    assert rates.take([Rate("key", "a", 1)])


def test_of_several_the_one_that_is_used_up_is_named(rates):
    wide, narrow = Rate("key", "a", 100), Rate("address", "2001:db8::/64", 1)
    assert rates.take([wide, narrow]) is None
    assert rates.take([wide, narrow]).rate == narrow
    assert rates.take([wide]) is None


def pass_by(connection, seconds):
    """As if these seconds had passed."""
    for name in connection.scan_iter("rate:*"):
        left = connection.pttl(name) - int(seconds * 1000)
        connection.pexpire(name, left) if left > 0 else connection.delete(name)


def test_there_is_room_again_when_the_seconds_are_over_and_not_before(rates, connection):
    rate = Rate("key", "ab12", 4)
    for _ in range(5):
        exceeded = rates.take([rate])
    for most in (60, 16, 16):  # in the second minute a fourth of the first one's count falls away every 15 s
        assert most - 2 <= exceeded.wait <= most
        pass_by(connection, exceeded.wait - 1.5)
        assert rates.take([rate])
        pass_by(connection, 1.6)
        assert rates.take([rate]) is None
        exceeded = rates.take([rate])


def test_they_are_counted_in_one_round_trip_after_the_first_use(rates, connection, monkeypatch):
    several = [Rate("key", "a", 5), Rate("session", "s", 5), Rate("address", "192.0.2.1", 5)]
    rates.take(several)
    sent = []
    made = connection.pipeline
    monkeypatch.setattr(connection, "pipeline", lambda **more: sent.append("pipeline") or made(**more))
    monkeypatch.setattr(connection, "execute_command", lambda *args, **more: sent.append(args[0]))
    assert rates.take(several) is None
    assert sent == ["pipeline"]


def test_a_redis_that_has_forgotten_the_script_counts_as_before(rates, connection):
    several = [Rate("key", "a", 2), Rate("session", "s", 1)]
    assert rates.take(several) is None
    connection.script_flush()
    assert rates.take(several).rate == several[1]


def test_what_is_kept_of_a_rate_ends_by_itself(rates, connection):
    rates.take([Rate("wrong-keys", "192.0.2.1", 5)])
    (name,) = connection.scan_iter("rate:*")
    assert 0 < connection.ttl(name) <= 120
