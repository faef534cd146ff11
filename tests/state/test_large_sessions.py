"""Sessions and lists that clients make large: bounded, read in pages, and no atomic step goes through all of one."""

from __future__ import annotations

import pytest

from app.events import sse
from app.state import deletion, pages, redis_keys, thread_lives
from app.state.conversation import histories as histories_module
from app.state.pages import WantedPage
from app.state.scripts import Store
from app.state.sessions import Sessions, TooManyThreads
from app.state.turns import streams
from tests.state.conftest import ALL, Repeated
from tests.support.remains import standing_in


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    """Parts of a few, so that a small session takes several."""
    monkeypatch.setattr(thread_lives, "RENEWED_AT_ONCE", 2)
    monkeypatch.setattr(deletion, "PART", 2)
    monkeypatch.setattr(histories_module, "_SNAPSHOT_PAGE", 2)
    monkeypatch.setattr(streams, "READ_AT_ONCE", 2)
    monkeypatch.setattr(pages, "READ_AT_ONCE", 2)


@pytest.fixture
def bounded(connection, settings):
    """A session that may have two threads."""
    sessions = Sessions(Store(connection, settings.model_copy(update={"max_threads": 2})))
    sessions.create("s", {})
    return sessions


def ended_turn(runs, said, **more):
    run = runs.claim("s", runs.start("s", said(**more)).run_id, "worker")
    runs.settle(runs.seal("s", run.id, "complete", expect={"running"}), sse.complete())


def lives(connection):
    """How long each thread lives on, beyond its session."""
    keys = [name for name in connection.scan_iter("session:{s}:thread:*") if connection.type(name) == b"hash"]
    return [connection.ttl(name) - connection.ttl("session:{s}") for name in keys]


def test_a_session_has_so_many_threads_and_room_again_when_one_is_deleted(bounded):
    threads = [bounded.open_thread("s", "one"), bounded.open_thread("s", "two")]
    with pytest.raises(TooManyThreads, match="at most 2 threads"):
        bounded.open_thread("s", "three")
    assert bounded.threads("s", ALL).items == [
        {name: thread.get(name, "") for name in histories_module.THREAD_FIELDS} for thread in reversed(threads)
    ]
    bounded.delete_thread("s", threads[0]["id"])
    assert bounded.open_thread("s", "three")


def test_the_last_thread_that_fits_is_opened_though_its_reply_was_lost(connection, settings):
    sessions = Sessions(Repeated(connection, settings.model_copy(update={"max_threads": 1})))
    sessions.create("s", {})
    assert sessions.open_thread("s", "one")


def test_messages_go_on_in_a_session_with_more_threads_than_it_may_have_now(bounded, connection, settings, runs, said):
    for title in ("one", "two", "three"):
        Sessions(Store(connection, settings)).open_thread("s", title)
    ended_turn(runs, said)
    assert len(bounded.threads("s", ALL).items) == 3


def test_no_thread_is_opened_in_a_session_that_is_gone(bounded, connection):
    bounded.delete("s")
    assert bounded.open_thread("s", "late") is None
    assert list(connection.scan_iter()) == []


def test_all_threads_live_at_least_as_long_as_their_session(sessions, runs, connection, said):
    sessions.create("s", {})
    for number in range(5):
        sessions.open_thread("s", str(number))
    for name in connection.scan_iter("session:{s}*"):
        connection.expire(name, 100)
    ended_turn(runs, said)
    assert len(lives(connection)) == 5
    assert all(more >= 0 for more in lives(connection))


def test_threads_are_renewed_again_when_half_of_what_they_have_more_is_over_and_not_before(
    sessions, runs, connection, said, store
):
    ended_turn(runs, said)
    sessions.open_thread("s", "another")
    ended_turn(runs, said)
    extra, other = store.settings.session_ttl / 16, redis_keys.thread("s", sessions.threads("s", ALL).items[1]["id"])
    key = redis_keys.session("s")
    for part, renewed in ((0.4, False), (0.6, True)):
        now = int(connection.hget(key, "threads_renewed_at"))
        connection.hset(key, "threads_renewed_at", int(now - part * extra * 1000))
        connection.expire(other, 500)
        ended_turn(runs, said)
        assert (connection.ttl(other) > 500) == renewed


def test_a_snapshot_of_many_messages_and_many_events_has_all_in_order(sessions, runs, said):
    for number in range(5):
        ended_turn(runs, said, text=f"message {number}")
    run = runs.claim("s", runs.start("s", said("the last one")).run_id, "worker")
    for number in range(1, 6):
        runs.append([("s", run.id, number, [sse.text(f"{number} ")])])
    runs.start("s", said("one that waits"))
    snapshot = sessions.histories.snapshot("s", None)
    said_so_far = [f"message {number}" for number in range(5)] + ["the last one", "1 2 3 4 5 ", "one that waits"]
    assert [message["content"] for message in snapshot.messages] == said_so_far


def test_a_snapshot_shows_a_turn_as_of_the_moment_when_it_was_taken(sessions, runs, said, monkeypatch):
    """What is added to a long log while it is read belongs to the next snapshot."""
    run = runs.claim("s", runs.start("s", said()).run_id, "worker")
    for number in range(1, 4):
        runs.append([("s", run.id, number, [sse.text(f"{number} ")])])
    read = histories_module.read_stream

    def late(*args):
        runs.append([("s", run.id, 4, [sse.text("4 ")])])
        return read(*args)

    monkeypatch.setattr(histories_module, "read_stream", late)
    assert sessions.histories.snapshot("s", None).messages[-1]["content"] == "1 2 3 "


def test_a_log_is_read_whole_in_parts(runs, said):
    run = runs.claim("s", runs.start("s", said()).run_id, "worker")
    for number in range(1, 6):
        runs.append([("s", run.id, number, [sse.text(f"{number}")])])
    assert [entry.number for entry in runs.entries("s", run.id, 0)] == [1, 2, 3, 4, 5]
    assert [entry.number for entry in runs.entries("s", run.id, 3)] == [4, 5]


@pytest.mark.parametrize("replies_are_lost", [False, True])
def test_a_large_session_is_deleted_whole(sessions, runs, connection, settings, said, replies_are_lost):
    sessions.create("s", {"public_key": "0xabc"})
    threads = [sessions.open_thread("s", f"{number}")["id"] for number in range(5)]
    for number in range(9):
        ended_turn(runs, said, idempotency_key=f"{number}", body=b"body")
    if replies_are_lost:
        sessions._store = Repeated(connection, settings)
    refs = sessions.delete("s")
    assert (refs.threads, len(refs.runs)) == (set(threads), 9)
    assert standing_in(connection, "{s}", "0xabc", "s run") == []


def test_a_session_stays_until_the_last_part_of_it_is_deleted(full, sessions, connection, store):
    """Its turns that have not ended go with it, so that a deletion that breaks off leaves none that nobody ends."""
    run, _ = full
    for _ in range(6):
        sessions.open_thread("s", "more")
    seen = []
    while True:
        is_last, _ = deletion._delete(store, "s")
        seen.append((bool(connection.exists("session:{s}")), bool(connection.exists(redis_keys.run("s", run.id)))))
        if is_last:
            break
    assert len(seen) > 2
    assert seen == [(True, True)] * (len(seen) - 1) + [(False, False)]


def test_a_list_is_read_page_by_page_though_some_of_it_goes(sessions):
    for number in range(7):
        sessions.create(f"s{number}", {"public_key": "0xabc"})
    first = sessions.owned_by("0xabc", WantedPage(3))
    assert [one["id"] for one in first.items] == ["s6", "s5", "s4"]
    for gone in ("s4", "s3"):
        sessions.delete(gone)
    second = sessions.owned_by("0xabc", WantedPage(3, first.next))
    assert ([one["id"] for one in second.items], second.next) == (["s2", "s1", "s0"], "")
