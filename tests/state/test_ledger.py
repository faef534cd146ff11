"""The ledger: what a model call used counts once, whoever settles it, however often, and whatever dies meanwhile."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import replace
from decimal import Decimal

import pytest

from app.events import sse
from app.state import redis_keys
from app.state.accounts.ledger import Ledger
from app.state.scripts import Store
from app.state.turns.runs import RunStore
from app.state.turns.turn_requests import Principal
from app.usage import ModelCall, Prices, Totals, Usage, nano
from app.usage.report import between, grouped, total
from tests.state.conftest import Repeated, empty
from tests.support.moments import today

DAY = "2026-11-24"
DAYS = between(today(), "2026-11-01", "2026-11-30")
PRICES = Prices("0.0000025", "0.00001", "0.00000125")
FIRST = ModelCall("1", DAY, "key1", "shop", "gpt-4o", prompt=100, prices=PRICES)


@pytest.fixture(params=[Store, Repeated])
def store(request, connection, settings):
    return request.param(connection, settings)


@pytest.fixture
def ledger(store):
    return Ledger(store)


@pytest.fixture
def run(store, said):
    """A running turn."""
    runs = RunStore(store)
    accepted = runs.start("s", said(principal=Principal(api_key_id="key1")))
    return runs.claim("s", accepted.run_id, "worker")


def call(number="1", **more):
    return ModelCall(**{"number": number, "day": DAY, "api_key_id": "key1", "app": "shop", "model": "gpt-4o"} | more)


def end(store, run):
    runs = RunStore(store)
    runs.settle(runs.seal("s", run.id, "complete", expect={"running"}), sse.complete())


def test_a_settled_call_is_in_the_sums_of_its_session_key_and_month(ledger, run):
    ledger.open("s", run.id, FIRST)
    ledger.settle("s", run.id, FIRST.charge(Usage(1000, 200, cached=400), PRICES.cost(Usage(1000, 200, cached=400))))
    expected = Totals(turns=1, calls=1, input=1000, output=200, cached=400, cost=4_000_000)
    assert total(ledger.of_key("key1", DAYS)) == total(ledger.of_session("s")) == total(ledger.of_all(DAYS)) == expected
    assert ledger.spent("key1", "2026-11") == 4_000_000
    assert ledger.spent("key1", "2026-12") == ledger.spent("another", "2026-11") == 0
    assert ledger.unsettled_calls("s", run.id) == ledger.overdue() == []


def test_the_first_charge_of_a_call_counts_and_later_ones_learn_of_it(ledger, run):
    ledger.open("s", run.id, FIRST)
    first = ledger.settle("s", run.id, FIRST.estimated(400))
    assert ledger.settle("s", run.id, FIRST.charge(Usage(1, 1), 1)) == first
    assert first.usage == Usage(100, 100, estimated=True)
    assert total(ledger.of_key("key1", DAYS)) == first.totals()


@pytest.mark.parametrize("step", ["charge", "add_usage", "close_model_call"])
def test_a_call_whose_settler_dies_at_any_step_is_left_to_the_reaper(ledger, run, connection, monkeypatch, step):
    ledger.open("s", run.id, FIRST)
    monkeypatch.setattr(ledger._store, "is_cluster", True)  # one server does them all at once
    proceed = Store.call

    def die(store, name, *args):
        if name == step:
            raise ConnectionError
        return proceed(store, name, *args)

    with monkeypatch.context() as dying:
        dying.setattr(Store, "call", die)
        with pytest.raises(ConnectionError):
            ledger.settle("s", run.id, FIRST.estimated(400))
    assert ledger.unsettled_calls("s", run.id) == [FIRST]
    assert connection.zrange(redis_keys.MODEL_CALLS, 0, -1) == [f"s {run.id} 1".encode()]


def test_many_who_settle_the_same_calls_at_once_count_each_once(connection, settings, said):
    if type(connection).__name__ == "FakeRedis":
        pytest.skip("its scripts are no single step for threads")
    store = Store(connection, settings)
    runs, ledger = RunStore(store), Ledger(store)
    run = runs.claim("s", runs.start("s", said()).run_id, "worker")
    calls = [call(str(n), prompt=10 * n, prices=PRICES) for n in range(1, 21)]
    for one in calls:
        ledger.open("s", run.id, one)

    def settle(said):
        for one in calls:
            ledger.settle("s", run.id, one.estimated(said))

    threads = [threading.Thread(target=settle, args=(4 * n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    of_key, of_session = total(ledger.of_key("key1", DAYS)), total(ledger.of_session("s"))
    assert (of_key.calls, of_key.turns, of_key.input) == (20, 1, 2100)
    assert of_key == of_session


def test_a_settlement_that_broke_off_anywhere_is_finished_by_another(connection, settings, said):
    class Dies(Exception):
        """The process is gone."""

    class Dying(Store):
        left = 0

        def call(self, *args, **more):
            if not self.left:
                raise Dies
            self.left -= 1
            return super().call(*args, **more)

    for survived in range(4):
        empty(connection)
        store, dying = Store(connection, settings), Dying(connection, settings)
        runs, ledger = RunStore(store), Ledger(store)
        run = runs.claim("s", runs.start("s", said()).run_id, "worker")
        ledger.open("s", run.id, FIRST)
        dying.left = survived
        try:
            Ledger(dying).settle("s", run.id, FIRST.charge(Usage(7, 5), 12))
        except Dies:
            assert survived < 3
        for one in ledger.unsettled_calls("s", run.id):
            ledger.settle("s", run.id, one.estimated(0))
        assert total(ledger.of_key("key1", DAYS)) == total(ledger.of_session("s"))
        assert total(ledger.of_key("key1", DAYS)).calls == 1
        assert ledger.unsettled_calls("s", run.id) == []


def test_an_open_call_is_overdue_until_it_is_settled_or_put_off(ledger, run, connection):
    ledger.open("s", run.id, FIRST)
    assert ledger.overdue() == []
    connection.zadd(redis_keys.MODEL_CALLS, {f"s {run.id} 1": 1})
    assert ledger.overdue() == [("s", run.id, "1")]
    ledger.postpone("s", run.id, "1")
    assert ledger.overdue() == []
    assert ledger.unsettled_turns("s") == {run.id}


def test_a_turn_with_an_open_call_outlives_its_log_and_then_goes_as_others_do(ledger, run, store, connection):
    ledger.open("s", run.id, FIRST)
    end(store, run)
    assert connection.ttl(redis_keys.run("s", run.id)) > store.settings.log_ttl
    ledger.settle("s", run.id, FIRST.estimated(0))
    assert 0 < connection.ttl(redis_keys.run("s", run.id)) <= store.settings.log_ttl


def test_a_call_of_a_turn_that_is_gone_counts_for_its_key_and_brings_nothing_back(ledger, run, sessions, connection):
    ledger.open("s", run.id, FIRST)
    sessions.delete("s")
    ledger.settle("s", run.id, FIRST.estimated(40))
    ledger.open("s", run.id, call("2", prompt=1, prices=None))
    assert total(ledger.of_key("key1", DAYS)).calls == 1
    assert not [name for name in connection.scan_iter() if name.startswith(b"session:{s}")]


def test_a_call_without_a_known_price_is_counted_apart(ledger, run):
    unknown = call("1", prompt=10, prices=None)
    ledger.settle("s", run.id, unknown.estimated(40))
    known = call("2", prompt=10, prices=Prices("0.001", "0"))
    ledger.settle("s", run.id, known.estimated(40))
    assert total(ledger.of_key("key1", DAYS)) == Totals(1, 2, 20, 20, 0, cost=10_000_000, estimated=2, unpriced=1)


def test_a_call_by_a_clients_own_key_counts_its_tokens_and_costs_nothing(ledger, run):
    own = call("1", prompt=10, prices=PRICES, own_key=True)
    ledger.settle("s", run.id, own.charge(Usage(10, 5), PRICES.cost(Usage(10, 5))))
    assert total(ledger.of_key("key1", DAYS)) == Totals(1, 1, 10, 5, own_key=1)


def test_usage_is_grouped_by_what_somebody_asks_for(ledger, run):
    ledger.settle("s", run.id, FIRST.estimated(0))
    ledger.settle(
        "s", run.id, call("2", model="a model: with spaces", day="2026-11-25", prompt=3, prices=None).estimated(0)
    )
    ledger.settle("s", run.id, call("3", api_key_id="key2", app="bank", prompt=5, prices=None).estimated(0))
    rows = ledger.of_session("s")
    assert {by: {name: sums.input for name, sums in grouped(rows, by).items()} for by in ("key", "app", "model")} == {
        "key": {"key1": 103, "key2": 5},
        "app": {"bank": 5, "shop": 103},
        "model": {"a model: with spaces": 3, "gpt-4o": 105},
    }
    assert list(grouped(ledger.of_all(DAYS), "day")) == [DAY, "2026-11-25"]
    assert [row.totals.input for row in ledger.of_key("key1", between(today(), "2026-11-25", "2026-11-25"))] == [3]
    assert grouped(rows, "app") == grouped(ledger.of_all(DAYS), "app")


def test_sums_live_for_their_time_and_what_was_counted_of_late_is_forgotten(ledger, run, connection, store):
    connection.zadd(redis_keys.counted_charges("key1"), {"run_of_yesterday 1": 1})
    ledger.settle("s", run.id, FIRST.estimated(0))
    name = hashlib.sha256(f"{run.id} 1".encode()).hexdigest()[:32]
    assert connection.zrange(redis_keys.counted_charges("key1"), 0, -1) == [name.encode()]
    assert 0 < connection.ttl(redis_keys.counted_charges("key1")) <= 6 * 3600
    for name in (redis_keys.day_usage("key1", DAY), redis_keys.month_usage("key1", "2026-11")):
        assert store.settings.usage_ttl - 60 < connection.ttl(name) <= store.settings.usage_ttl
    assert 0 < connection.ttl(redis_keys.session_usage("s")) <= store.settings.session_ttl


@pytest.mark.parametrize("kept", [{"note": {"app": "default"}}, {"keeps_facts": True}])
def test_the_usage_of_a_turn_that_keeps_it_outlives_its_record_and_that_of_other_turns_is_not_kept(
    ledger, run, store, said, connection, kept
):
    runs = RunStore(store)
    accepted = runs.start("other", said(**kept))
    response = runs.claim("other", accepted.run_id, "worker")
    for charge in (FIRST.estimated(4), replace(FIRST, number="2").estimated(4)):
        ledger.settle("other", response.id, charge)
    ledger.settle("s", run.id, FIRST.estimated(4))
    connection.delete(redis_keys.run("other", response.id))
    used = ledger.of_turns("other", [response.id, run.id])
    assert used.keys() == {response.id}
    assert (used[response.id].calls, used[response.id].output) == (2, total(ledger.of_session("other")).output)
    assert 0 < connection.ttl(redis_keys.response_usage("other")) <= store.settings.session_ttl
    assert ledger.of_turns("s", [run.id]) == {}


def test_a_budget_is_spent_when_the_months_cost_has_reached_it(ledger, run):
    now = ModelCall("1", str(today()), "key1", "shop", "m", prompt=100, prices=Prices("0.01", "0"))
    assert not ledger.is_over("key1", "1.00")
    ledger.settle("s", run.id, now.estimated(0))
    assert ledger.is_over("key1", "1.00")
    assert not ledger.is_over("key1", "1.000000001")
    assert ledger.is_over("another", "0")
    assert not ledger.is_over("key1", "")


def test_sums_of_many_small_costs_are_exact(ledger, run):
    tiny = Prices("0.0000000005", "0")
    for number in range(1, 11):
        ledger.settle("s", run.id, call(str(number), prompt=3, prices=tiny).estimated(0))
    assert total(ledger.of_key("key1", DAYS)).cost == 10 * nano(Decimal("0.0000000015"))
