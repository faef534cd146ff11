"""The sums of all processes."""

from __future__ import annotations

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from app.metrics.instruments import Metrics
from app.metrics.reporter import Reporter
from app.state.accounts.counters import Counters, Report
from app.state.scripts import Store
from tests.state.conftest import Repeated
from tests.support.moments import now

ONE = 'aomi_tokens_total{"model":"m","kind":"input"}'


@pytest.fixture(params=[Store, Repeated])
def counters(request, connection, settings):
    return Counters(request.param(connection, settings))


def report(process, number, counted, streams=0):
    return Report(process, "web", number, counted, {"aomi_open_streams": streams})


def test_reports_of_all_processes_add_up_and_one_that_is_sent_twice_counts_once(counters):
    counters.add(report("a", 1, {ONE: 3, "x{}": 0}))
    counters.add(report("b", 1, {ONE: 4}))
    counters.add(report("a", 2, {ONE: 0.5}))
    assert counters.totals() == {ONE: 7.5, "x{}": 0}


def test_a_process_shows_itself_for_as_long_as_it_reports(counters, connection):
    counters.add(report("a", 1, {}, streams=2))
    connection.zincrby("{metrics}:processes", -60_000, "a")
    counters.add(report("b", 1, {}, streams=3))
    (shown,) = counters.living(within=30)
    assert (shown["kind"], shown["aomi_open_streams"]) == ("web", "3")
    assert len(counters.living(within=90)) == 2


def test_everything_has_an_end_to_its_life(counters, connection):
    counters.add(report("a", 1, {ONE: 1}))
    assert all(connection.ttl(key) > 0 for key in connection.scan_iter("*metrics*"))


class Away(Counters):
    """Sums that cannot be reached: before a report is there, or after it is."""

    before = after = False

    def add(self, report):
        if self.before:
            raise RedisConnectionError
        super().add(report)
        if self.after:
            raise RedisConnectionError


@pytest.mark.parametrize("moment", ["before", "after"])
def test_what_is_counted_while_redis_is_away_counts_once_when_it_is_back(connection, settings, moment):
    metrics, counters = Metrics(now), Away(Store(connection, settings))
    reporter = Reporter(metrics, counters, 3600)
    reporter.start("web", {})
    metrics.tokens("m", 1, 0)
    setattr(counters, moment, True)
    for _ in range(2):
        with pytest.raises(RedisConnectionError):
            reporter.report()
        metrics.tokens("m", 10, 0)
    setattr(counters, moment, False)
    reporter.report()
    reporter.report()
    assert counters.totals()[ONE] == 21
    reporter.stop()
