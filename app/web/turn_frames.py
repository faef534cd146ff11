"""The frames of a turn's stream: replayed from its log, then followed live, until its terminal event."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from app.events import sse
from app.events.entries import StreamEntry
from app.live.hub import Hub
from app.live.relay import replay_then_follow
from app.services import Services
from app.state import redis_keys
from app.state.connection.clients import Unavailable
from app.state.run_records import Run
from app.state.runs import RunStore

MAX_SILENCE = 10.0
"""Seconds without an event after which a stream checks whether its turn is over: the log may have lost the end, or hold
it under a number that the reader has passed."""


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

        def read(number: int) -> list[StreamEntry]:
            return self.runs.entries(session_id, run_id, number)

        yield sse.OPENED
        channel, silent, tick = redis_keys.log(session_id, run_id), 0.0, min(self.keep_alive, MAX_SILENCE)
        for batch in replay_then_follow(self.hub, channel, read, after, tick, with_reasoning=with_reasoning):
            if batch is None:
                if rest := self._missed_rest(session_id, run_id, after, with_ids, with_reasoning):
                    yield rest
                    return
                silent += tick
                if silent >= self.keep_alive:
                    silent = 0.0
                    yield sse.KEEP_ALIVE
                continue
            silent, after = 0.0, batch.last
            if batch.frames:
                yield sse.numbered(batch.frames, f"{run_id}:", batch.first) if with_ids else batch.frames
            if batch.kind in sse.TERMINAL:
                return

    def end(self, run: Run, with_ids: bool) -> Iterator[bytes]:
        """The terminal event of a turn that is over, for a reader whose number is not in its log."""
        yield sse.OPENED
        yield _end_frame(run, with_ids)

    def _missed_rest(self, session_id: str, run_id: str, after: int, with_ids: bool, with_reasoning: bool) -> bytes:
        """The frames after number `after`, up to the terminal one, of a turn that is over or no longer kept. Published
        frames may arrive late, so the log is read first. b"" of a turn that runs, or that cannot be checked because
        Redis is unavailable."""
        try:
            run = self.runs.get(session_id, run_id)
            if run and not run.terminal:
                return b""
            entries = self.runs.entries(session_id, run_id, after)
        except Unavailable:
            return b""
        frames = [
            _numbered(entry, run_id, with_ids)
            for entry in entries
            if sse.is_shown(entry.kind, entry.frame, with_reasoning=with_reasoning)
        ]
        if not entries or entries[-1].kind not in sse.TERMINAL:
            frames.append(_end_frame(run, with_ids) if run else sse.frame(sse.LOST))
        return b"".join(frames)


def _numbered(entry: StreamEntry, run_id: str, with_ids: bool) -> bytes:
    return sse.numbered(entry.frame, f"{run_id}:", entry.number) if with_ids else entry.frame


def _end_frame(run: Run, with_ids: bool) -> bytes:
    """It has the number of the log's last event, so that a client that reconnects after it gets 204."""
    frame = sse.frame(run.terminal or sse.LOST)
    return sse.numbered(frame, f"{run.id}:", run.events) if with_ids else frame
