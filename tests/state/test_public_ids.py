"""Ids that say nothing of a session's id."""

from __future__ import annotations

import time
import uuid

import pytest

from app.state import redis_keys
from app.state.responses.public_ids import KEY_SECONDS, PublicIds, PublicTurn

SESSION = "550e8400-e29b-41d4-a716-446655440000"
TURN = PublicTurn(SESSION, f"run_{uuid.uuid4().hex}", f"thread_{uuid.uuid4().hex}")


@pytest.fixture
def ids(store):
    return PublicIds(store)


def test_every_process_makes_and_reads_the_same(store, ids):
    other = PublicIds(store)
    made = ids.of_session(SESSION, "key")
    assert other.of_session(SESSION, "key") == made
    assert other.session(made, "key") == SESSION
    assert other.turn(ids.of_turn(TURN, "key"), "key") == TURN
    assert other.session_for(b"digest") == ids.session_for(b"digest") != ids.session_for(b"another")


def test_one_is_of_no_use_with_another_key_for_another_kind_or_changed(ids):
    made = ids.of_session(SESSION, "key")
    assert SESSION.replace("-", "") not in made
    assert ids.session(made, "") is None
    assert ids.turn(made, "key") is None
    assert ids.session(ids.of_turn(TURN, "key"), "key") is None
    changed = [made[:-1] + ("A" if made[-1] != "A" else "E"), made[1:], "", "%", "é", made + "A", "A" * 10_000]
    assert [ids.session(one, "key") for one in changed] == [None] * len(changed)


def test_a_process_takes_the_new_key_of_a_redis_that_was_emptied(connection, ids, monkeypatch):
    before = ids.of_session(SESSION, "")
    connection.delete(redis_keys.PUBLIC_ID_KEY)
    later = time.monotonic() + KEY_SECONDS + 1
    monkeypatch.setattr("app.state.responses.public_ids.time.monotonic", lambda: later)
    assert ids.session(before, "") is None
