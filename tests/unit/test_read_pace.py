"""The pace at which streams of models are read: each waits for its turn while the outbox pauses, and never for ever."""

from __future__ import annotations

import asyncio
import threading

import pytest

from tests.support.patience import patient, until
from workers.loop_thread import LoopThread
from workers.read_pace import ReadPace

SOON = patient(10)


class Reader:
    """A stream: it reads, passes on, and awaits its turn."""

    def __init__(self, pace):
        self._pace = pace
        self.reads = 0

    async def read(self, most):
        while self.reads < most:
            self.reads += 1
            await asyncio.sleep(0)
            await self._pace.turn()


@pytest.fixture
def loop():
    loop = LoopThread("a test's")
    loop.start()
    yield loop
    loop.stop()


@pytest.fixture
def pace(loop):
    return ReadPace(loop.call_soon)


def settled(loop):
    """Whether the loop has done what could be done at once."""

    async def steps():
        for _ in range(10):
            await asyncio.sleep(0)

    loop.submit(steps()).result(SOON)


def test_streams_are_read_without_end_while_nothing_is_shut(loop, pace):
    reader = Reader(pace)
    loop.submit(reader.read(1000)).result(SOON)
    assert reader.reads == 1000


def test_nothing_is_ever_shut_without_an_outbox():
    pace = ReadPace()
    pace.shut()
    pace.collect()
    asyncio.run(asyncio.wait_for(pace.turn(), SOON))


def test_each_stream_that_waits_reads_once_when_it_is_collected(loop, pace, monkeypatch):
    monkeypatch.setattr("workers.read_pace.LONGEST_SHUT", SOON)
    pace.shut()
    readers = [Reader(pace) for _ in range(5)]
    done = [loop.submit(reader.read(3)) for reader in readers]
    settled(loop)
    assert [reader.reads for reader in readers] == [1] * 5
    pace.collect()
    settled(loop)
    assert [reader.reads for reader in readers] == [2] * 5
    pace.open()
    for future in done:
        future.result(SOON)
    assert [reader.reads for reader in readers] == [3] * 5


def test_collecting_returns_when_the_streams_have_passed_on_what_they_read(loop, pace, monkeypatch):
    monkeypatch.setattr("workers.read_pace.LONGEST_SHUT", SOON)
    passed_on = []

    async def read():
        await pace.turn()
        passed_on.append("text")
        await pace.turn()

    pace.shut()
    readers = [loop.submit(read()) for _ in range(20)]
    settled(loop)
    pace.collect()
    assert len(passed_on) == 20
    pace.open()
    for reader in readers:
        reader.result(SOON)


def test_a_stream_that_ends_while_it_waits_takes_no_other_with_it(loop, pace):
    pace.shut()
    ended, other = (loop.submit(Reader(pace).read(2)) for _ in range(2))
    settled(loop)
    ended.cancel()
    pace.open()
    other.result(SOON)


@pytest.mark.parametrize("is_collected", [False, True])
def test_streams_are_read_again_when_the_outbox_is_held_up(loop, pace, is_collected):
    """As while Redis is away: a provider that is not read would count as silent."""
    pace.shut()
    reader = Reader(pace)
    future = loop.submit(reader.read(3))
    if is_collected:
        pace.collect()
    future.result(SOON)
    assert reader.reads == 3


def test_a_loop_that_hangs_does_not_hold_up_the_outbox(loop, pace):
    may_go = threading.Event()
    loop.call_soon(may_go.wait, SOON)
    pace.shut()
    pace.collect()
    assert not may_go.is_set()
    may_go.set()
    until(lambda: not pace._is_shut, what="the end of it")
