"""Sessions that go with their only request."""

from __future__ import annotations

import pytest

from app.state import redis_keys
from app.state.responses.temporary_sessions import TemporarySessions
from app.turns.temporary_sessions import TemporarySessionErasure


@pytest.fixture
def temporary(store):
    return TemporarySessions(store)


def make_due(connection, session_id):
    connection.zadd(redis_keys.TEMPORARY_SESSIONS, {session_id: 1})


def test_one_that_nobody_holds_is_erased_by_one_process(connection, temporary):
    erased = []
    duty = TemporarySessionErasure(temporary, erased.append)
    temporary.add("held")
    temporary.add("left")
    make_due(connection, "left")
    assert (duty.overdue(), duty.overdue()) == ([("left",)], [])
    duty.handle("left")
    assert erased == ["left"]
    assert connection.zrange(redis_keys.TEMPORARY_SESSIONS, 0, -1) == [b"held"]


def test_a_request_holds_its_session_and_releases_it(connection, temporary):
    def due():
        return connection.zscore(redis_keys.TEMPORARY_SESSIONS, "s")

    temporary.add("s")
    make_due(connection, "s")
    temporary.hold("s")
    held = due()
    temporary.release("s")
    assert 1 < due() < held
    temporary.forget("s")
    temporary.hold("s")
    assert due() is None
