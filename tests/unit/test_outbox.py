"""The outbox: events reach the log in order, in few calls, whatever Redis does meanwhile."""

from __future__ import annotations

import itertools
import threading
import time
from collections import defaultdict
from types import SimpleNamespace

import pytest

from app.events import sse
from app.state.connection.clients import Unavailable
from tests.support.patience import patient, until
from workers.outbox import LONGEST_PAUSE, PAUSE_OF_A_TURN, SHORTEST_PAUSE, Outbox
from workers.read_pace import ReadPace

CALL = sse.tool_call("call_1", "Get", {})

SOON = patient(10)


class FakeRuns:
    """`Runs.append` in memory: waits while `gate` is shut, is away for `outages` calls, refuses the `ended` runs."""

    def __init__(self):
        self.gate = threading.Event()
        self.gate.set()
        self.asked = threading.Event()
        self.outages = 0
        self.ended = set()
        self.sent = []
        self.times = []
        self.logs = defaultdict(list)
        self.numbers = defaultdict(list)

    def first_batch_number(self):
        return 1

    def append(self, batches):
        self.asked.set()
        assert self.gate.wait(SOON)
        self.times.append(time.monotonic())
        self.sent.append([(batch.run_id, batch.number) for batch in batches])
        if self.outages:
            self.outages -= 1
            raise Unavailable[0]("away")
        return [self._append(batch) for batch in batches]

    def _append(self, batch):
        known = self.numbers[batch.run_id]
        if known and known[-1] < batch.after:
            return None
        if batch.number not in known:
            self.numbers[batch.run_id].append(batch.number)
            self.logs[batch.run_id] += batch.events
        return batch.run_id not in self.ended


@pytest.fixture
def runs():
    return FakeRuns()


@pytest.fixture
def ended():
    """The runs of which the outbox has said that they have ended."""
    return []


@pytest.fixture
def outbox(runs, ended):
    outbox = Outbox(runs, ended.append)
    outbox.start()
    yield outbox
    runs.gate.set()
    outbox.stop()


@pytest.fixture
def hold(runs, outbox):
    """Sends a first event and keeps it under way, so that what is put next waits; `runs.gate.set()` lets it go."""

    def hold():
        runs.gate.clear()
        outbox.put("s", "first", sse.text("first"))
        assert runs.asked.wait(SOON)

    return hold


def put(outbox, run_id, *events):
    for event in events:
        outbox.put("s", run_id, event)


def test_an_event_leaves_without_waiting_for_more(outbox, runs):
    outbox.put("s", "run_1", sse.text("Hel"))
    assert runs.asked.wait(SOON)


def test_pieces_of_text_that_wait_together_become_one_event(outbox, runs, hold):
    hold()
    put(outbox, "run_1", sse.text("Hel"), sse.text("lo"), sse.text("!"))
    runs.gate.set()
    outbox.flush("run_1")
    assert runs.logs["run_1"] == [sse.text("Hello!")]


def test_text_is_not_joined_over_another_event(outbox, runs, hold):
    hold()
    put(outbox, "run_1", sse.text("a"), CALL, sse.text("b"), sse.text("c"))
    runs.gate.set()
    outbox.flush("run_1")
    assert runs.logs["run_1"] == [sse.text("a"), CALL, sse.text("bc")]


def test_pieces_of_thoughts_are_joined_but_not_with_text_or_with_all_that_is_kept(outbox, runs, hold):
    hold()
    kept = sse.kept_reasoning({"model": "m", "blocks": []})
    put(outbox, "run_1", sse.thought("a"), sse.thought("b"), sse.text("c"), sse.thought("d"), kept, kept)
    runs.gate.set()
    outbox.flush("run_1")
    assert runs.logs["run_1"] == [sse.thought("ab"), sse.text("c"), sse.thought("d"), kept, kept]


def test_two_other_events_are_not_joined(outbox, runs, hold):
    hold()
    put(outbox, "run_1", CALL, CALL)
    runs.gate.set()
    outbox.flush("run_1")
    assert runs.logs["run_1"] == [CALL, CALL]


def test_events_of_all_turns_that_wait_together_leave_in_one_call(outbox, runs, hold):
    hold()
    put(outbox, "run_1", sse.text("a"))
    put(outbox, "run_2", sse.text("b"))
    runs.gate.set()
    outbox.flush("run_2")
    assert [[run_id for run_id, _ in call] for call in runs.sent] == [["first"], ["run_1", "run_2"]]
    assert (runs.logs["run_1"], runs.logs["run_2"]) == ([sse.text("a")], [sse.text("b")])


def test_order_is_kept_over_many_calls(outbox, runs):
    for number in range(100):
        outbox.put("s", "run_1", sse.text(f"{number} "))
        if not number % 40:
            outbox.flush("run_1")
    outbox.flush("run_1")
    assert "".join(event["content"] for event in runs.logs["run_1"]).split() == [str(n) for n in range(100)]


def test_batch_numbers_rise(outbox, runs):
    for _ in range(3):
        outbox.put("s", "run_1", CALL)
        outbox.flush("run_1")
    numbers = [number for call in runs.sent for _, number in call]
    assert numbers == sorted(set(numbers))


def test_flush_waits_until_the_events_are_in_the_log(outbox, runs):
    runs.gate.clear()
    outbox.put("s", "run_1", CALL)
    threading.Timer(0.02, runs.gate.set).start()
    outbox.flush("run_1")
    assert runs.logs["run_1"] == [CALL]


def test_flush_of_a_turn_waits_for_no_other_one(outbox, runs, hold):
    hold()
    outbox.flush("run_1")
    assert not runs.gate.is_set()


def test_a_turn_that_somebody_else_has_ended_is_told_of(outbox, runs, ended, hold):
    runs.ended.add("run_2")
    hold()
    put(outbox, "run_1", CALL)
    put(outbox, "run_2", CALL)
    runs.gate.set()
    outbox.stop()
    assert ended == ["run_2"]


def test_while_redis_is_away_the_same_batch_is_sent_again_after_pauses(outbox, runs):
    runs.outages = 2
    began = time.monotonic()
    outbox.put("s", "run_1", CALL)
    outbox.flush("run_1")
    assert time.monotonic() - began >= 0.1
    assert len(runs.sent) == 3
    assert runs.sent[0] == runs.sent[1] == runs.sent[2]
    assert runs.logs["run_1"] == [CALL]


def test_what_comes_in_while_redis_is_away_keeps_its_place(outbox, runs, hold):
    runs.outages = 1
    hold()
    put(outbox, "first", CALL)
    runs.gate.set()
    outbox.flush("first")
    assert runs.logs["first"] == [sse.text("first"), CALL]


@pytest.mark.parametrize(("turns", "pause"), [(1, SHORTEST_PAUSE), (50, 50 * PAUSE_OF_A_TURN), (200, LONGEST_PAUSE)])
def test_the_pause_behind_a_call_is_longer_the_more_turns_write(outbox, runs, hold, turns, pause):
    for calls in (2, 4):  # the first events of a turn do not wait
        runs.asked.clear()
        hold()  # so that the next call has an event of each
        for turn in range(turns):
            outbox.put("s", f"run_{turn}", CALL)
        runs.gate.set()
        until(lambda calls=calls: len(runs.sent) == calls, what="the call with all turns")
    outbox.put("s", "run_0", CALL)
    until(lambda: len(runs.sent) == 5, what="the next call")
    assert [len(batches) for batches in runs.sent] == [1, turns, 1, turns, 1]
    assert runs.times[4] - runs.times[3] >= pause


@pytest.mark.parametrize(("characters", "pause"), [(20, SHORTEST_PAUSE), (100_000, LONGEST_PAUSE)])
def test_text_that_nobody_can_read_is_sent_after_the_longest_pause(outbox, runs, monkeypatch, characters, pause):
    paused, clock = [], itertools.count(1000)
    monkeypatch.setattr(outbox, "_pause", paused.append)
    monkeypatch.setattr("workers.outbox.time", SimpleNamespace(monotonic=lambda: next(clock)))
    put(outbox, "run_1", sse.text("a"))
    until(lambda: len(paused) == 1, what="the first pause")
    for count in (2, 3):
        put(outbox, "run_1", sse.text("a" * characters))
        until(lambda count=count: len(paused) == count, what="the next pause")
    assert paused == [SHORTEST_PAUSE, SHORTEST_PAUSE, pause]


def test_an_idle_outbox_stops_at_once(outbox):
    began = time.monotonic()
    outbox.stop()
    assert time.monotonic() - began < patient(1)


def test_stop_sends_what_is_left(outbox, runs, hold):
    hold()
    put(outbox, "run_1", CALL)
    runs.gate.set()
    outbox.stop()
    assert runs.logs["run_1"] == [CALL]


def test_what_a_dead_master_took_with_it_is_sent_again_before_what_follows(runs, outbox):
    for word in ("a", "b", "c"):
        outbox.put("s", "run", sse.text(word))
        until(lambda word=word: runs.logs["run"] and runs.logs["run"][-1] == sse.text(word))
    del runs.logs["run"][1:], runs.numbers["run"][1:]
    outbox.put("s", "run", sse.text("d"))
    outbox.flush("run")
    assert runs.logs["run"] == [sse.text(word) for word in "abcd"]


class SlowPace(ReadPace):
    """Nothing is ever collected until the test lets it: the outbox is in its pause for as long."""

    def __init__(self):
        super().__init__()
        self.collects, self.may_go = threading.Event(), threading.Event()

    def collect(self):
        self.collects.set()
        assert self.may_go.wait(SOON)


def test_what_came_in_the_pause_is_collected_before_the_next_call(runs):
    pace = SlowPace()
    outbox = Outbox(runs, lambda run_id: None, pace)
    outbox.start()
    outbox.put("s", "run_1", sse.text("a"))
    assert pace.collects.wait(SOON)
    put(outbox, "run_1", sse.text("b"), sse.text("c"))
    pace.may_go.set()
    outbox.flush("run_1")
    assert runs.logs["run_1"] == [sse.text("a"), sse.text("bc")]
    outbox.stop()


def test_the_first_and_the_last_events_of_a_turn_do_not_wait_for_the_pause(outbox, runs, monkeypatch):
    monkeypatch.setattr("workers.outbox.SHORTEST_PAUSE", patient(60))
    monkeypatch.setattr("workers.outbox.LONGEST_PAUSE", patient(60))
    outbox.put("s", "run_1", sse.text("a"))
    until(lambda: len(runs.sent) == 1, what="the first call, behind which is a long pause")
    outbox.put("s", "run_1", sse.text("b"))
    outbox.put("s", "run_2", sse.text("first"))
    until(lambda: runs.logs["run_2"], what="the first event of another turn")
    assert runs.logs["run_1"] == [sse.text("a")]
    outbox.flush("run_1")
    assert runs.logs["run_1"] == [sse.text("a"), sse.text("b")]
