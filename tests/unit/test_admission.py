"""Admission of a message: by a caller, without any HTTP request."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import fakeredis
import pytest

from app.config import Settings
from app.errors import BudgetSpent, Conflict, NotFound, Overloaded, TooManyRequests
from app.services import Services, build
from app.state.accounts.api_keys import ApiKey
from app.state.accounts.vault import client_digest
from app.state.ids import sha256_hex
from app.state.turns.turn_requests import Principal, TurnRequest
from app.usage import ModelCall, Usage, nano
from app.web.access.admission import Admission
from app.web.access.caller import Caller
from tests.support.moments import today

ROOT = Path(__file__).parents[2]
KEY = ApiKey(id="key-1", apps=("*",), label="", created_at="", budget=Decimal("0.01"))
CLIENT = client_digest("client-1")


@pytest.fixture
def services() -> Services:
    redis = fakeredis.FakeRedis(server=fakeredis.FakeServer(), lua_modules=set())
    settings = Settings(_env_file=None, config=ROOT / "aomi.yaml", max_queue=2, max_waiting=1, turns_per_address=1)
    return build(settings, redis, redis, redis)


@pytest.fixture
def admission(services) -> Admission:
    return Admission.of(services)


def message(**more) -> TurnRequest:
    return TurnRequest(**{"text": "hello", "app": "default", "model": "demo/assistant"} | more)


def test_a_message_becomes_a_turn_of_its_caller(services, admission):
    accepted = admission.admit("s", message(), Caller(KEY, CLIENT, "192.0.2.1"))
    assert accepted.outcome == "started"
    run = services.runs.get("s", accepted.run_id)
    assert run.principal == Principal(CLIENT, "key-1", "0.01", sha256_hex(b"192.0.2.1"))
    assert services.vault.client_of("s") == CLIENT


def test_an_anonymous_message_binds_the_session_to_nobody(services, admission):
    admission.admit("s", message(), Caller(client=CLIENT))
    admission.admit("s", message(), Caller())
    assert services.vault.client_of("s") == CLIENT


def test_an_address_has_so_many_turns_at_once(admission):
    admission.admit("one", message(), Caller(address="192.0.2.1"))
    with pytest.raises(TooManyRequests, match="Too many turns run for this address: at most 1 at once"):
        admission.admit("two", message(), Caller(address="192.0.2.1"))
    assert admission.admit("two", message(), Caller(address="192.0.2.2")).outcome == "started"


def test_a_full_queue_refuses_but_a_repeated_message_is_told_its_turn(admission):
    sent = message(idempotency_key="k", body=b"hello")
    first = admission.admit("one", sent, Caller())
    admission.admit("two", message(), Caller())
    with pytest.raises(Overloaded, match="the queue is full; try again in a few seconds"):
        admission.admit("three", message(), Caller())
    again = admission.admit("one", sent, Caller())
    assert (again.outcome, again.run_id) == ("again", first.run_id)


def test_a_spent_budget_refuses_what_would_cost(services, admission):
    run_id = admission.admit("s", message(), Caller(KEY)).run_id
    call = ModelCall("1", str(today()), KEY.id, "default", "demo/assistant", prompt=1, prices=None)
    services.ledger.open("s", run_id, call)
    services.ledger.settle("s", run_id, call.charge(Usage(input=1, output=1), nano(KEY.budget)))
    with pytest.raises(BudgetSpent, match="budget of this API key"):
        admission.admit("s2", message(), Caller(KEY))


@pytest.mark.parametrize(
    ("more", "error"), [({"on_busy": "reject"}, Conflict), ({}, TooManyRequests), ({"thread_id": "gone"}, NotFound)]
)
def test_a_session_that_cannot_take_a_message_says_why(admission, more, error):
    admission.admit("s", message(), Caller())
    if not more:
        admission.admit("s", message(), Caller())
    with pytest.raises(error):
        admission.admit("s", message(**more), Caller())
