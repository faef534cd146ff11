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
from app.state.runs import RunStore


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

    def follow(self, session_id: str, run_id: str, after: int, with_ids: bool) -> Iterator[bytes]:
        """Frames after number `after`, with `id:` lines if `with_ids`.

        Ends with the terminal event, when the turn is no longer kept, or when the process stops. Raises `Unavailable`.
        """

        def read(number: int) -> list[StreamEntry]:
            return self.runs.entries(session_id, run_id, number)

        yield sse.OPENED
        channel = redis_keys.log(session_id, run_id)
        for batch in replay_then_follow(self.hub, channel, read, after, self.keep_alive):
            if batch is None:
                if self._is_gone(session_id, run_id):
                    return  # its session was deleted, or Redis lost it: no terminal event will come
                yield sse.KEEP_ALIVE
                continue
            if batch.frames:
                yield sse.numbered(batch.frames, f"{run_id}:", batch.first) if with_ids else batch.frames
            if batch.kind in sse.TERMINAL:
                return

    def _is_gone(self, session_id: str, run_id: str) -> bool:
        """Whether the turn is no longer kept. False while Redis is unavailable."""
        try:
            return self.runs.get(session_id, run_id) is None
        except Unavailable:
            return False
