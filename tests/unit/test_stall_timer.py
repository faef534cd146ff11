"""The time that a provider has after a reply's end."""

from __future__ import annotations

import asyncio
import time

import pytest

from workers.models import stall_timer
from workers.models.stall_timer import StallTimer


async def ended(held_up: float, reads: int) -> None:
    """A reply has ended; then the process is held up for so many seconds, and its loop reads so often."""
    async with asyncio.timeout(None) as limit:
        timer = StallTimer(limit, 60, lambda _: None)
        timer.expect_little()
        time.sleep(held_up)
        for _ in range(reads):
            await asyncio.sleep(0)


def test_what_came_while_the_process_was_held_up_is_read(monkeypatch):
    monkeypatch.setattr(stall_timer, "REST_SECONDS", 0.4)
    asyncio.run(ended(held_up=0.5, reads=3))


def test_a_provider_that_keeps_the_connection_open_is_left(monkeypatch):
    monkeypatch.setattr(stall_timer, "REST_SECONDS", 0.04)
    with pytest.raises(TimeoutError):
        asyncio.run(ended(held_up=0, reads=10**9))
