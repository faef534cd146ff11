"""The body of a provider's answer: as litellm reads it, or as deltas of OpenAI's wire without litellm."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from typing import Any

import httpx

from workers.models.delta import CallPiece, Counted, Delta, Finish, Refusal
from workers.models.wires import native, openai
from workers.models.wires.errors import error_in
from workers.models.wires.frames import DONE, Frame, FrameReader, encoded, framed
from workers.read_pace import FIRST_READS, MOST_WAITING, ReadPace

DRAIN_SECONDS = 1.0
"""How long the connection may take to end behind the provider's last word; then it is closed, not kept."""

_draining: set[asyncio.Task[None]] = set()
"""The loop holds its tasks weakly."""


class Source(httpx.AsyncByteStream):
    """It ends with the provider's last word, though the connection may stay open. Errors and reasons of an end go to
    `report`; `heard` is called for each read."""

    def __init__(
        self, stream: Any, report: Callable[[Iterable[Delta]], None], heard: Callable[[], None], pace: ReadPace
    ) -> None:
        self._stream = stream
        self._reads = aiter(stream)
        self._report = report
        self._heard = heard
        self._pace = pace
        self._frames = FrameReader()
        self._rewriter = openai.Rewriter()
        self._native: native.NativeWire | None = None
        self._is_openai = False
        self._ended = self._closed = False
        self.lost: httpx.HTTPError | None = None
        """Why the connection broke, if it did."""

    @property
    def knows_the_end(self) -> bool:
        """Whether `report` says how the reply ends, so that litellm's word does not count."""
        return self._is_openai or self._native is not None

    @property
    def knows_thoughts(self) -> bool:
        """Whether `report` brings what the model thinks."""
        return self._is_openai

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The bytes, for litellm to read."""
        async for frames in self._read():
            data = b"".join(data for frame in frames for data in self._for_litellm(frame))
            if data:
                yield data

    async def openai_deltas(self) -> AsyncIterator[Iterator[Delta]]:
        """The deltas of OpenAI's wire, for each read from the provider, made as they are taken."""
        async for frames in self._read():
            yield (delta for frame in frames for delta in self._of_openai(frame))

    async def aclose(self) -> None:
        """Let go of the connection: kept for the next call if the answer ends by itself, else closed."""
        if self._closed:
            return
        self._closed = True
        if self._ended:
            task = asyncio.get_running_loop().create_task(self._drain())
            _draining.add(task)
            task.add_done_callback(_draining.discard)
        else:
            await self._stream.aclose()

    async def _drain(self) -> None:
        try:
            with contextlib.suppress(TimeoutError, httpx.HTTPError):
                async with asyncio.timeout(DRAIN_SECONDS):
                    async for _ in self._reads:
                        pass
        finally:
            await self._stream.aclose()

    async def _read(self) -> AsyncIterator[list[Frame]]:
        reads = 0
        try:
            async for data in self._reads:
                self._heard()
                yield _flat(self._frames.feed(data))
                if self._ended:
                    return
                reads += 1
                if reads > FIRST_READS and len(data) < MOST_WAITING:
                    await self._pace.turn()
        except httpx.HTTPError as error:  # litellm would make an error of its own of it, in each mode another
            self.lost = error
            return
        yield _flat(self._frames.end())

    def _of_openai(self, frame: Frame) -> Sequence[Delta]:
        if self._ended:
            return ()
        if type(frame.value) is dict and not frame.event and (text := openai.plain_text(frame.value)):
            return (text,)
        if frame is DONE:
            self._ended = True
            return (Finish("stop"),)
        if error := error_in(frame.value, frame.event):
            self._ended = True
            return (error,)
        return openai.deltas_of(frame.value) if isinstance(frame.value, dict) else ()

    def _for_litellm(self, frame: Frame) -> Iterator[bytes]:
        """The frame as litellm may read it; what it says of the end is reported."""
        if self._ended:
            return
        if frame is DONE:
            self._ended = True
            self._report([Finish("stop")])
            yield self._framed(frame.data)
        elif error := error_in(frame.value, frame.event):
            self._ended = True
            self._report([error])
        elif isinstance(frame.value, dict):
            yield from self._of_a_wire(frame)

    def _of_a_wire(self, frame: Frame) -> Iterator[bytes]:
        value = frame.value
        if not self.knows_the_end:
            self._is_openai = "choices" in value
            self._native = None if self._is_openai else native.wire_of(value)
        if self._is_openai:
            deltas = openai.deltas_of(value)
            self._report(_facts(deltas))
            if chunk := self._rewriter.chunk(value, deltas):
                yield self._framed(encoded(chunk))
        elif self._native:
            for event in self._native.events(value):
                yield from self._of_native(self._native, event, frame.data if event is value else b"")
        else:
            yield self._framed(frame.data or encoded(value))

    def _of_native(self, wire: native.NativeWire, event: dict[str, Any], data: bytes) -> Iterator[bytes]:
        """An event, whose JSON is `data` if that is known."""
        self._report(wire.facts(event))
        self._ended = self._ended or wire.is_end(event)
        for piece in wire.pieces(event):
            yield self._framed(data if piece is event and data else encoded(piece))

    def _framed(self, data: bytes) -> bytes:
        return framed(data, self._is_openai or (self._native or self._frames).is_event_stream)


def _flat(frames: list[Frame]) -> list[Frame]:
    """A list, as Gemini sends it without `alt=sse`, as the frames that it holds."""
    if not any(type(frame.value) is list for frame in frames):
        return frames
    return [one for frame in frames for one in _values(frame)]


def _values(frame: Frame) -> list[Frame]:
    return [Frame(value, frame.event) for value in frame.value] if type(frame.value) is list else [frame]


def _facts(deltas: Iterable[Delta]) -> Iterator[Delta]:
    """Deltas that litellm does not bring: reasoning, and the end. The words of a refusal are text to litellm."""
    for delta in deltas:
        if isinstance(delta, Refusal):
            yield Refusal("")
        elif not isinstance(delta, str | CallPiece | Counted):
            yield delta
