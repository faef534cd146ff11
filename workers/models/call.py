"""One streamed call through litellm: sent, read into a reply, closed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any

import litellm
from litellm.llms.openai.chat.gpt_transformation import OpenAIChatCompletionStreamingHandler
from litellm.llms.openrouter.chat.transformation import OpenRouterChatCompletionStreamingHandler
from openai import AsyncStream

from workers.models import request_templates
from workers.models.delta import Counted, Delta, Finish, Thought
from workers.models.failures import Failure, failure_of
from workers.models.reply_builder import ReplyBuilder
from workers.models.request_templates import RequestTemplates
from workers.models.stall_timer import StallTimer
from workers.models.tap import Tap
from workers.models.wires.litellm_chunks import deltas_of
from workers.read_pace import ReadPace
from workers.reply import Reply
from workers.turn import ProviderFailed, ProviderStalled

log = logging.getLogger(__name__)

READ_WITHOUT_LITELLM = frozenset(["openai", "azure", "deepseek", "mistral", "groq", "openrouter", "hosted_vllm"])
"""Routes on which the cases prove that OpenAI's JSON, read without litellm's iterators, gives the same turns. litellm
makes a pydantic object of each chunk, which is a third of the worker's time (docs/design.md)."""

FIRST_PAUSE = 0.001
"""Seconds in which nothing is read, or made of what was read, behind the first text of a reply: the outbox, another
thread, need not wait for Python's lock. Measured in docs/scaling.md."""

_OPENAI_STREAMS = (OpenAIChatCompletionStreamingHandler, OpenRouterChatCompletionStreamingHandler, AsyncStream)


class CallFailed(Exception):
    """A call failed; `failure` says of what."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.kind)
        self.failure = failure


@dataclass(frozen=True)
class StreamedCall:
    """A call with litellm's arguments `params`. `stall` is how many seconds the provider may be silent.
    `through_wrapper` reads the stream through litellm's public wrapper, else what is inside it. `templates` has what is
    known of requests that litellm need not make again, `pace` says when its stream is read."""

    params: dict[str, Any]
    builder: ReplyBuilder
    stall: float
    on_stall: Callable[[float], None]
    through_wrapper: bool = False
    templates: RequestTemplates = field(default_factory=RequestTemplates)
    pace: ReadPace = field(default_factory=ReadPace)

    async def run(self) -> Reply:
        """The reply. Raises `CallFailed`."""
        try:
            async with asyncio.timeout(None) as limit:
                timer = StallTimer(limit, self.stall, self.on_stall)
                tap = Tap(self.builder.add, timer.reset, self.pace)
                try:
                    return await self._run(tap, timer)
                finally:
                    timer.cancel()
        except TimeoutError as error:
            if self.builder.finished:
                return self._reply(tap)
            raise self._failed(error, tap) from error

    async def _run(self, tap: Tap, timer: StallTimer) -> Reply:
        stream = None
        try:
            with tap:
                if self.through_wrapper or not await self.templates.send(self.params, tap):
                    stream = await self._through_litellm(tap)
                async for deltas in self._deltas(stream, tap):
                    timer.reset()
                    await self._add(deltas)
                    if self.builder.finished:
                        timer.expect_little()
            return self._reply(tap)
        except CallFailed:
            raise
        except Exception as error:
            raise self._failed(error, tap) from error
        finally:
            if tap.source:
                await tap.source.aclose()
            if stream is not None:
                await _close(stream)

    async def _add(self, deltas: Iterable[Delta]) -> None:
        """Take the deltas of one read. Those behind the reply's first text come after a pause."""
        rest = iter(deltas)
        while not self.builder.begun and (delta := next(rest, None)) is not None:
            self.builder.add([delta])
            if self.builder.begun:
                await asyncio.sleep(FIRST_PAUSE)
        self.builder.add(rest)

    async def _through_litellm(self, tap: Tap) -> Any:
        """litellm's stream."""
        lesson = None if self.through_wrapper else request_templates.teaching(self.params)
        stream = await litellm.acompletion(**self.params)
        if lesson and self._reads_openai(stream, tap) and stream.custom_llm_provider in request_templates.PROVIDERS:
            self.templates.learn(lesson, tap)
        return stream

    def _reply(self, tap: Tap) -> Reply:
        """The reply, if it is whole."""
        builder = self.builder
        if builder.broken or builder.failed_reason:
            raise self._failed(ValueError(builder.failed_reason or "an error inside the stream"), tap)
        if not builder.finished:
            raise self._failed(ConnectionResetError("the stream ended before the reply did"), tap)
        return builder.reply()

    def _failed(self, error: Exception, tap: Tap) -> CallFailed:
        failure = failure_of(error, tap, self.builder.broken, self.stall)
        self.builder.refused = tap.source is None and not isinstance(failure.error, ProviderStalled)
        if isinstance(failure.error, ProviderFailed):
            failure.error.begun = self.builder.begun
        return CallFailed(failure)

    async def _deltas(self, stream: Any, tap: Tap) -> AsyncIterator[Iterable[Delta]]:
        if tap.source and (stream is None or self._reads_openai(stream, tap)):
            async for deltas in tap.source.openai_deltas():
                yield deltas
            return
        source = getattr(stream, "completion_stream", None)
        if source is None and hasattr(stream, "fetch_stream"):  # Gemini's and others: no request has left yet
            source = await stream.fetch_stream()
        chunks: Any = source
        if self.through_wrapper and hasattr(source, "__aiter__"):
            chunks, stream.completion_stream = stream, UsageReader(source, self.builder.add)
        elif not hasattr(source, "__aiter__"):
            chunks = stream
        async for chunk in chunks:
            yield [delta for delta in deltas_of(chunk) if self._counts(delta, stream, tap)]

    def _reads_openai(self, stream: Any, tap: Tap) -> bool:
        """Whether the stream is OpenAI's, and read without litellm."""
        source = getattr(stream, "completion_stream", None)
        return (
            not self.through_wrapper
            and tap.source is not None
            and stream.custom_llm_provider in READ_WITHOUT_LITELLM
            and isinstance(source, _OPENAI_STREAMS)
        )

    def _counts(self, delta: Delta, stream: Any, tap: Tap) -> bool:
        """Whether it is litellm's to say. Its wrapper ends every stream with a reason and a count, of its own if the
        provider gave none."""
        if isinstance(delta, Counted):
            return not isinstance(stream.completion_stream, UsageReader)
        if isinstance(delta, Finish):
            given = not self.through_wrapper or stream.received_finish_reason or stream.intermittent_finish_reason
            return bool(given) and not (tap.source and tap.source.knows_the_end)
        return not (isinstance(delta, Thought) and tap.source and tap.source.knows_thoughts)


class UsageReader:
    """The stream inside litellm's wrapper, on its way to it: what the provider counted is reported."""

    def __init__(self, stream: Any, report: Callable[[Iterable[Delta]], None]) -> None:
        self._stream = stream
        self._chunks = aiter(stream)
        self._report = report

    def __aiter__(self) -> UsageReader:
        return self

    async def __anext__(self) -> Any:
        chunk = await anext(self._chunks)
        self._report(delta for delta in deltas_of(chunk) if isinstance(delta, Counted))
        return chunk

    async def aclose(self) -> None:
        """Close the stream."""
        await _close_one(self._stream)


async def _close(stream: Any) -> None:
    """Close what litellm holds, whatever kind of stream it is."""
    await _close_one(getattr(stream, "completion_stream", None))
    await _close_one(stream)


async def _close_one(stream: Any) -> None:
    closer = getattr(stream, "aclose", None) or getattr(stream, "close", None)
    try:
        closing = closer() if closer else None
        if isinstance(closing, Coroutine):
            await closing
    except Exception as error:
        log.debug("closing a model's stream: %s", type(error).__name__)
