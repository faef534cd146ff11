"""Background loops: a failure is retried after a pause, counted, and logged once; any other error ends the thread."""

from __future__ import annotations

import logging
import threading

import pytest

from app import background
from app.background import BackgroundLoop, Backoff

SOON = 5.0


class Away(Exception):
    """What is retried here."""


def backoff(name, **pauses):
    return Backoff(name, (Away,), **({"shortest": 0.001, "longest": 0.004} | pauses))


class Work:
    """Fails so many times, then succeeds."""

    def __init__(self, failures):
        self.left = failures
        self.succeeded = threading.Event()

    def __call__(self):
        if self.left:
            self.left -= 1
            raise Away
        self.succeeded.set()
        return 7


def test_a_loop_goes_on_after_failures():
    work = Work(failures=3)
    loop = BackgroundLoop(work, backoff("goes on"))
    loop.start()
    assert work.succeeded.wait(SOON)
    loop.stop(SOON)
    assert background.failure_counts()["goes on"] == 3


def test_a_loop_ends_when_it_is_stopped_and_does_its_final_work():
    final = threading.Event()
    loop = BackgroundLoop(lambda: None, backoff("final"), pause=3600, final=final.set)
    loop.start()
    loop.stop(SOON)
    assert final.is_set()


def test_a_loop_can_begin_without_its_pause():
    work = Work(failures=0)
    loop = BackgroundLoop(work, backoff("at once"), pause=3600)
    loop.start(first_pause=0)
    assert work.succeeded.wait(SOON)
    loop.stop(SOON)


def test_a_loop_that_was_never_started_can_be_stopped():
    BackgroundLoop(lambda: None, backoff("never")).stop(SOON)


def test_pauses_double_up_to_the_longest_and_begin_again_after_a_success():
    pauses = backoff("pauses", shortest=1.0, longest=3.0)
    assert [pauses.failed(Away()) for _ in range(4)] == [1.0, 2.0, 3.0, 3.0]
    pauses.succeeded()
    assert pauses.failed(Away()) == 1.0


def test_an_outage_is_two_lines_of_the_log(caplog):
    caplog.set_level(logging.INFO)
    assert backoff("an outage").retry(Work(failures=5)) == 7
    failed, succeeded = [record.getMessage() for record in caplog.records]
    assert failed == "an outage failed (Away); retrying until it succeeds"
    assert succeeded.startswith("an outage succeeds again after ")


def test_a_retry_ends_when_it_is_stopped():
    stopped = threading.Event()
    stopped.set()
    with pytest.raises(Away):
        backoff("stopped").retry(Work(failures=1), stopped)


def test_an_error_that_is_not_expected_is_not_retried():
    with pytest.raises(KeyError):
        backoff("a bug").retry(lambda: {}["x"])


def test_a_loop_that_an_error_has_ended_is_broken(monkeypatch):
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    loop = BackgroundLoop(lambda: {}["x"], backoff("ended"))
    loop.start()
    loop.join(SOON)
    assert "ended" in background.broken_loops(except_outages=True)
    loop.request_stop()
    assert "ended" not in background.broken_loops()


@pytest.mark.parametrize(("outages", "at_fault"), [((Away,), False), ((KeyError,), True)])
def test_a_loop_that_fails_for_long_is_broken_until_it_succeeds(monkeypatch, outages, at_fault):
    """It is not at fault if the error is an outage."""
    pauses = backoff("for long", outages=outages)
    loop = BackgroundLoop(lambda: None, pauses)
    monkeypatch.setattr(background, "BROKEN_SECONDS", 0.0)
    pauses.failed(Away())
    loop.start(first_pause=3600)
    assert "for long" in background.broken_loops()
    assert ("for long" in background.broken_loops(except_outages=True)) is at_fault
    pauses.succeeded()
    assert "for long" not in background.broken_loops()
    loop.stop(SOON)
