"""Owners: the first user of a session owns it, also of many at the same moment, for as long as it is kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from app.state import redis_keys
from app.state.accounts import owners
from app.state.accounts.ledger import Ledger
from app.state.accounts.owners import Owners
from app.state.accounts.tickets import Ticket, Tickets
from app.state.accounts.vault import Vault
from app.state.inspection import Inspection
from app.state.responses.public_ids import PublicIds
from app.tokens.user import User
from app.turns.erasing import erase_user
from app.usage import ModelCall, Usage, user_account
from tests.state.conftest import ALL, Repeated
from tests.support.moments import today
from tests.support.remains import standing_in

ALICE, BOB = User("alice@example", 0), User("bob@example", 0)


def ids(store, user):
    return [one["id"] for one in Owners(store).page(user.id, ALL).items]


def test_of_users_who_come_at_once_one_gets_the_session(store, sessions):
    sessions.create("s", {})
    people = [User(f"user {number}", 0) for number in range(6)]
    with ThreadPoolExecutor(len(people)) as threads:
        admitted = list(threads.map(lambda user: Owners(store).claim("s", user), people))
    (owner,) = [user for user, is_theirs in zip(people, admitted, strict=True) if is_theirs]
    assert [user for user in people if ids(store, user)] == [owner]
    assert Owners(store).claim("s", owner)


def test_a_session_that_is_not_made_yet_is_its_first_users_for_a_while_and_then_for_good(store, sessions, connection):
    assert Owners(store).claim("s", ALICE)
    assert 0 < connection.ttl(redis_keys.owner("s")) <= owners.EARLY_SECONDS
    assert ids(store, ALICE) == []
    sessions.create("s", {})
    assert connection.ttl(redis_keys.owner("s")) > owners.EARLY_SECONDS
    assert not Owners(store).claim("s", BOB)
    assert (ids(store, ALICE), ids(store, BOB)) == (["s"], [])


def test_a_turn_keeps_its_session_and_its_owner_equally_long(full, connection):
    left = [connection.ttl(key("s")) for key in (redis_keys.session, redis_keys.owner)]
    assert abs(left[0] - left[1]) <= 1


def test_a_process_that_dies_before_it_listed_a_session_leaves_that_to_the_next_one(store, sessions):
    sessions.create("s", {})
    assert Owners(store)._claim("s", ALICE.id, listed=False) == 2  # and then it died
    assert Owners(store).claim("s", ALICE)
    assert ids(store, ALICE) == ["s"]


def test_a_reply_that_was_lost_changes_nothing(connection, store, settings, sessions):
    sessions.create("s", {})
    assert Owners(Repeated(connection, settings)).claim("s", ALICE)
    assert not Owners(Repeated(connection, settings)).claim("s", BOB)
    assert ids(store, ALICE) == ["s"]


def test_a_deleted_session_is_nobodys_and_in_no_list(store, sessions):
    sessions.create("s", {})
    Owners(store).claim("s", ALICE)
    assert [Owners(store).admits("s", user.id) for user in (ALICE, BOB)] == [True, False]
    sessions.delete("s")
    assert Owners(store).admits("s", BOB.id)
    assert ids(store, ALICE) == []
    assert Owners(store).claim("s", BOB)


def test_a_list_drops_what_is_gone(store, sessions, connection):
    sessions.create("s", {})
    Owners(store).claim("s", ALICE)
    connection.delete(redis_keys.session("s"), redis_keys.owner("s"))  # as when their time is over
    assert ids(store, ALICE) == []
    assert connection.zcard(redis_keys.sessions_of_user(ALICE.id)) == 0


def test_nothing_is_left_of_a_user_who_was_erased(store, sessions, runs, said, connection):
    Owners(store).claim("s", ALICE)
    ledger, day = Ledger(store), str(today())
    run = runs.claim("s", runs.start("s", said()).run_id, "worker")
    call = ModelCall("1", day, "-", "default", "m", 1, None, user=ALICE.id)
    ledger.open("s", run.id, call)
    ledger.settle("s", run.id, call.charge(Usage(3, 4), 5_000_000_000))
    assert ledger.is_over(user_account(ALICE.id), "5")
    assert not ledger.is_over(user_account(BOB.id), "5")
    assert list(Inspection(store).sessions_of_user(ALICE.id)) == ["s"]
    sessions.delete("s")
    erase_user(Owners(store), Vault(store), ledger, ALICE.id)
    ledger.settle("s", run.id, call.charge(Usage(3, 4), 5_000_000_000))  # by a worker that has heard of it last
    assert standing_in(connection, ALICE.id, ALICE.sub) == []


def test_a_ticket_is_of_its_session_and_user_until_its_time_is_over(store):
    ticket = Ticket("s", User("alice", 17.0, ("shop",)))
    tickets = Tickets(PublicIds(store), store.clock, 60)
    text = tickets.issue(ticket)
    assert Tickets(PublicIds(store), store.clock, 60).read(text) == ticket
    assert tickets.read(text[:-4] + "AAAA") is None
    assert tickets.read(Tickets(PublicIds(store), store.clock, 0).issue(ticket)) is None
    assert "alice" not in text
