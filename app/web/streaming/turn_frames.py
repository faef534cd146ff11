"""The stream of a turn: replayed from its log, then followed live, until its terminal event. As frames of the reference
API, whose bytes pass through, or as events, for dialects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import NamedTuple

from app.events import sse
from app.events.entries import StreamEntry
from app.live.hub import FrameBatch, Hub
from app.live.inbox import waited
from app.live.relay import replay_then_follow
from app.services import Services
from app.state import redis_keys
from app.state.connection.clients import Unavailable
from app.state.turns.run_records import Run
from app.state.turns.runs import RunStore

MAX_SILENCE = 10.0
"""Seconds without an event after which a stream checks whether its turn is over: the log may have lost the end, or hold
it under a number that the reader has passed."""


class TurnEvent(NamedTuple):
    """An event of a turn, with its number in the turn's log, counted from 1."""

    number: int
    event: sse.Event


@dataclass(frozen=True)
class TurnFrames:
    """Streams turns. `keep_alive` is the number of silent seconds after which a comment frame is sent."""

    hub: Hub
    runs: RunStore
    keep_alive: float

    @classmethod
    def of(cls, services: Services) -> TurnFrames:
        """On the parts of a process."""
        return cls(services.hub, services.runs, services.settings.keep_alive)

    def follow(
        self, session_id: str, run_id: str, after: int, *, with_ids: bool, with_reasoning: bool = False
    ) -> Iterator[bytes]:
        """Frames after number `after`, with `id:` lines if `with_ids`, and with what the model thinks if
        `with_reasoning`: the numbers of the others are the same with it and without.

        Ends with the terminal event, also when the log has lost it (at most `MAX_SILENCE` later), or when the process
        stops. A turn that is no longer kept ends with `error`, code `lost`. Raises `Unavailable`.
        """
        yield sse.OPENED
        for batch in self._batches(session_id, run_id, after, with_reasoning):
            if batch is None:
                yield sse.KEEP_ALIVE
            elif batch.frames:
                yield _numbered(batch, run_id) if with_ids else batch.frames

    def events(
        self, session_id: str, run_id: str, after: int = 0, *, with_reasoning: bool = False
    ) -> Iterator[TurnEvent | None]:
        """The same, parsed; None where a comment frame keeps the connection alive. Without a terminal event at the end
        the process stops."""
        for batch in self._batches(session_id, run_id, after, with_reasoning):
            if batch is None:
                yield None
                continue
            for number, event in enumerate(sse.parse_all(batch.frames), batch.first):
                yield TurnEvent(number, event)

    def waiting(self, awaiting: Sequence[str]) -> Iterator[bytes]:
        """The end of a turn whose other calls have no answer yet."""
        yield sse.OPENED
        yield sse.frame(sse.complete(awaiting=awaiting))

    def end(self, run: Run, with_ids: bool) -> Iterator[bytes]:
        """The terminal event of a turn that is over, for a reader whose number is not in its log."""
        yield sse.OPENED
        batch = _end_batch(run)
        yield _numbered(batch, run.id) if with_ids else batch.frames

    def _batches(self, session_id: str, run_id: str, after: int, with_reasoning: bool) -> Iterator[FrameBatch | None]:
        """Batches after number `after`, up to the terminal event; None after each `keep_alive` seconds of silence."""

        def read(number: int) -> list[StreamEntry]:
            return self.runs.entries(session_id, run_id, number)

        channel, silent, tick = redis_keys.log(session_id, run_id), 0.0, min(self.keep_alive, MAX_SILENCE)
        batches = replay_then_follow(self.hub, channel, read, after, tick, with_reasoning=with_reasoning)
        with closing(batches):  # a traceback that lives on keeps this frame: the subscription would go on
            for batch in waited(batches):
                if batch is None:
                    if rest := self._missed_rest(session_id, run_id, after, with_reasoning):
                        yield from rest
                        return
                    silent += tick
                    if silent >= self.keep_alive:
                        silent = 0.0
                        yield None
                    continue
                silent, after = 0.0, batch.last
                yield batch
                if batch.kind in sse.TERMINAL:
                    return

    def _missed_rest(self, session_id: str, run_id: str, after: int, with_reasoning: bool) -> list[FrameBatch]:
        """The batches behind number `after`, up to the terminal event, of a turn that is over or no longer kept.
        Published frames may arrive late, so the log is read first. Nothing of a turn that runs, or that cannot be
        checked because Redis is unavailable."""
        try:
            run = self.runs.get(session_id, run_id)
            if run and not run.terminal:
                return []
            entries = self.runs.entries(session_id, run_id, after)
        except Unavailable:
            return []
        batches = [
            FrameBatch(entry.number, entry.number, entry.kind, entry.frame)
            for entry in entries
            if sse.is_shown(entry.kind, entry.frame, with_reasoning=with_reasoning)
        ]
        if not entries or entries[-1].kind not in sse.TERMINAL:
            lost = FrameBatch(after, after, "error", sse.frame(sse.LOST))
            batches.append(_end_batch(run) if run else lost)
        return batches


def _numbered(batch: FrameBatch, run_id: str) -> bytes:
    return sse.numbered(batch.frames, f"{run_id}:", batch.first)


def _end_batch(run: Run) -> FrameBatch:
    """It has the number of the log's last event, so that a client that reconnects after it gets 204."""
    terminal = run.terminal or sse.LOST
    return FrameBatch(run.events, run.events, terminal["type"], sse.frame(terminal))
