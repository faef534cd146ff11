"""One stream of frames from a number on: first the log, then what is live, without a gap or a duplicate."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator

from app.events import sse
from app.events.entries import StreamEntry
from app.live.hub import Closed, FrameBatch, Gap, Hub, Subscription
from app.live.inbox import Inbox

Read = Callable[[int], list[StreamEntry]]
"""Reads the log's entries after a number."""


def replay_then_follow(
    hub: Hub, channel: str, read: Read, after: int, keep_alive: float, *, with_reasoning: bool = False
) -> Generator[FrameBatch | Inbox | None]:
    """Batches of frames after number `after`, without end; None after each `keep_alive` seconds of silence. It
    does not block for them: where it would, it yields its inbox (`waited` blocks).

    A batch's `first` is above the previous batch's `last` + 1 only where the log no longer holds the frames between.
    A batch that the client does not get has no frames (`sse.is_shown`). Ends when the process stops serving.
    """
    with hub.subscribe(channel) as subscription:
        skips_log = subscription.is_whole
        while True:
            for entry in () if skips_log else read(after):
                yield _shown(FrameBatch(entry.number, entry.number, entry.kind, entry.frame), with_reasoning)
                after = entry.number
            skips_log = False
            try:
                while True:
                    subscription.due = time.monotonic() + keep_alive
                    while not (batch := _next(subscription, after)) and time.monotonic() < subscription.due:
                        yield subscription
                    if batch:
                        hub.relayed(batch.at)
                    yield batch and _shown(batch, with_reasoning)
                    after = batch.last if batch else after
            except Gap:
                continue
            except Closed:
                return


def _next(subscription: Subscription, after: int) -> FrameBatch | None:
    """The next live batch after number `after`; None if there is none by now. Raises `Gap` where a number is missing,
    and `Closed`."""
    batch = subscription.take()
    while batch and batch.last <= after:
        batch = subscription.take()
    if batch and batch.first > after + 1:
        raise Gap
    return batch and batch.after(after)


def _shown(batch: FrameBatch, with_reasoning: bool) -> FrameBatch:
    """The batch without what the client does not get."""
    is_shown = sse.is_shown(batch.kind, batch.frames, with_reasoning=with_reasoning)
    return batch if is_shown else batch._replace(frames=b"")
