"""Models through litellm: the only file that knows it, and none of its objects leave.

All streams of the process run on one asyncio loop in a thread of its own, so that provider connections are kept
alive and a stop closes one within milliseconds. Chunks are read from the stream inside litellm's wrapper, which
costs a tenth of the wrapper's time a chunk (docs/design.md); AOMI_LITELLM_STREAM=wrapper goes back to the wrapper.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import os
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Any

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else each start asks the network for prices
os.environ.setdefault("EXPERIMENTAL_OPENAI_BASE_LLM_HTTP_HANDLER", "True")  # half the set-up time, a third a chunk

import httpx
import litellm
from litellm.llms.custom_llm import CustomLLM
from litellm.llms.openai.chat.gpt_transformation import OpenAIChatCompletionStreamingHandler

from app import exact_json
from app.catalog import Catalog, Model, prices_of
from app.config import Settings
from app.usage import BYTES_A_TOKEN, Prices, Usage, nano
from workers.cancellation import CancelToken
from workers.models import demo
from workers.models.stream import ReplyBuilder, StallTimer, StreamOutcome, read_json
from workers.turn import Prompt, ProviderFailed, ProviderStalled, Reply, TurnFailed

log = logging.getLogger(__name__)

OnText = Callable[[str], None]

UNKNOWN_WINDOW = 32_768
"""Tokens a model is taken to read when neither litellm nor `model_info.max_input_tokens` says."""

ANSWER_ROOM = 4096
"""Tokens of the window left free for the answer (a quarter of a small window)."""


def _nothing(*_: Any) -> None:
    """What to do where nobody wants to hear."""


@dataclass(frozen=True)
class CallEstimate:
    """A call that is on its way to `model`, with about `prompt` tokens, at these prices (None: unknown). With `own_key`
    it is the client who pays."""

    model: str
    prompt: int
    prices: Prices | None
    own_key: bool


MeasureUsage = Callable[[], tuple[Usage, int | None]]
"""Says what a call has used, and its cost in nano-dollars, None where the price is unknown. It may have to count
tokens, which takes a while."""


def _not_metered(_: CallEstimate) -> Callable[[MeasureUsage], None]:
    return _nothing


@dataclass(frozen=True)
class CallObserver:
    """Who hears of a reply while it comes: `text` of each piece, on the loop's thread; `silence` once, in a thread
    of its own, when the provider has sent nothing for that many seconds, a third of the time it has.

    `asked` is called once the call is on its way, while its first token is waited for; what it returns is called when
    the call has ended, whatever ended it.
    """

    text: OnText = _nothing
    silence: Callable[[float], None] = _nothing
    asked: Callable[[CallEstimate], Callable[[MeasureUsage], None]] = _not_metered


class Models:
    """The models of the catalog. `start` it before use, `stop` it at the end."""

    def __init__(self, catalog: Catalog, settings: Settings) -> None:
        self._catalog = catalog
        self._settings = settings
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="aomi models", daemon=True)

    def start(self) -> None:
        """Start the loop and pay now for what litellm does at its first call."""
        _configure()
        self._thread.start()
        self._warm_up()

    def stop(self) -> None:
        """End the loop and every stream that is still open."""
        asyncio.run_coroutine_threadsafe(_cancel_all(), self._loop).result(timeout=5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)

    def stream(
        self,
        name: str,
        prompt: Prompt,
        tools: list[dict[str, Any]],
        hear: CallObserver,
        token: CancelToken,
        own_keys: Mapping[str, str] = MappingProxyType({}),
    ) -> Reply:
        """One reply of the model `name`; `hear.text` gets each piece of text as it comes, on the loop's thread. A key
        of the model's provider in `own_keys` goes before the operator's.

        Raises `ProviderFailed`, `ProviderStalled`; `Stopped` at a stop, with the provider's connection closed.
        """
        params = self._params(name, own_keys) | {"messages": prompt} | ({"tools": tools} if tools else {})
        folded = ReplyBuilder(hear.text, {message.get("tool_call_id", "") for message in prompt})
        future = asyncio.run_coroutine_threadsafe(self._stream(params, hear, folded), self._loop)
        ended: Callable[[MeasureUsage], None] = _nothing
        try:
            with token.waking(future.cancel):
                ended = hear.asked(self._asked(name, prompt, tools, own_keys))
                return future.result()
        except TurnFailed as failed:
            log.warning("model %r failed (%s): %s", name, type(failed.__cause__).__name__, failed.message)
            raise
        except concurrent.futures.CancelledError:
            token.check()
            raise ProviderFailed("The model's answer was cut off; try again", retryable=True) from None
        finally:
            future.cancel()
            ended(partial(self._measure, name, prompt, tools, folded.heard()))

    def takes_own_key(self, name: str, own_keys: Mapping[str, str]) -> bool:
        """Whether a call of the model would use one of the client's own keys."""
        return self._model(name).provider in own_keys

    def _asked(
        self, name: str, prompt: Prompt, tools: list[dict[str, Any]], own_keys: Mapping[str, str]
    ) -> CallEstimate:
        tokens = len(exact_json.dumps([prompt, tools])) // BYTES_A_TOKEN
        return CallEstimate(name, tokens, _prices(self._model(name)), self.takes_own_key(name, own_keys))

    def _measure(
        self, name: str, prompt: Prompt, tools: list[dict[str, Any]], heard: StreamOutcome
    ) -> tuple[Usage, int | None]:
        """See `MeasureUsage`. What the provider did not count is counted as litellm does for the model."""
        model, counted = self._model(name), heard.usage or Usage()
        if heard.refused:
            return Usage(), 0
        if not (heard.whole and counted.input):
            known = model.litellm_params["model"]
            sent = litellm.token_counter(model=known, messages=prompt, tools=tools or None)
            said = litellm.token_counter(model=known, text=heard.said) if heard.said else 0
            counted = replace(counted, input=counted.input or sent, output=max(counted.output, said), estimated=True)
        return counted, _cost(model, counted)

    def room(self, name: str, tools: list[dict[str, Any]]) -> int:
        """Tokens that the messages of a prompt may have."""
        model = self._model(name)
        window = model.model_info.get("max_input_tokens") or _known_window(model.litellm_params["model"])
        room = window - min(ANSWER_ROOM, window // 4)
        if self._settings.history_tokens:
            room = min(room, self._settings.history_tokens)
        return room - (_tokens_of(model.litellm_params["model"], str(tools)) if tools else 0)

    def count(self, name: str, messages: Prompt) -> int:
        """Tokens of the messages, as litellm counts them for the model."""
        return litellm.token_counter(model=self._model(name).litellm_params["model"], messages=messages)

    def _model(self, name: str) -> Model:
        model = self._catalog.model(name)
        if model is None:
            raise TurnFailed(f"The model {name!r} is no longer configured; choose another one")
        return model

    def _params(self, name: str, own_keys: Mapping[str, str]) -> dict[str, Any]:
        model = self._model(name)
        own = own_keys.get(model.provider)
        if own is None and model.missing(os.environ):
            raise ProviderFailed(
                f"This model needs a key of your own, for {model.provider}: save one, or choose another model",
                retryable=False,
            )
        return (
            model.params(os.environ)
            | ({"api_key": own} if own else {})
            | {
                "stream": True,
                "stream_options": {"include_usage": True},
                "max_retries": 0,
                "timeout": self._settings.stall_timeout,
                "_skip_mcp_handler": True,
            }
        )

    async def _stream(self, params: dict[str, Any], hear: CallObserver, folded: ReplyBuilder) -> Reply:
        stall = self._settings.stall_timeout
        stream = None
        try:
            async with asyncio.timeout(None) as limit:
                silence = StallTimer(limit, stall, hear.silence)
                try:
                    stream = await litellm.acompletion(**params)
                    inner = self._settings.litellm_stream == "inner"
                    async for chunks in _inside(stream.completion_stream) if inner else _singly(stream):
                        silence.broken()
                        for chunk in chunks:
                            folded.add(chunk)
                finally:
                    silence.over()
            if not folded.finished:
                raise ConnectionResetError("the stream ended before the reply did")
            return folded.reply()
        except Exception as error:
            failure = _failure(error, stall)
            folded.refused = stream is None and not isinstance(failure, ProviderStalled)
            if isinstance(failure, ProviderFailed):
                failure.begun = folded.begun
            raise failure from error
        finally:
            if stream is not None:
                await _close(stream)

    def _warm_up(self) -> None:
        """The first call of a process costs a second more than the next: make it before the first job does."""
        refused = {"model": "openai/warm-up", "api_base": "http://127.0.0.1:9/v1", "api_key": "none", "timeout": 1}
        messages = [{"role": "user", "content": "count to 1"}]
        common = {"messages": messages, "stream": True, "max_retries": 0, "_skip_mcp_handler": True}
        for params in (refused, {"model": "demo/assistant"}):
            call = self._stream(params | common, CallObserver(), ReplyBuilder(_nothing, set()))
            try:
                asyncio.run_coroutine_threadsafe(call, self._loop).result(timeout=20)
            except (TurnFailed, TimeoutError):
                continue
        litellm.token_counter(model="gpt-4o", messages=messages)


class _Demo(CustomLLM):
    """`demo/assistant` as a custom provider: `demo` decides what to say, this says it word by word."""

    async def astreaming(self, *args: Any, **kwargs: Any) -> AsyncIterator[dict[str, Any]]:
        """Chunks in litellm's generic form."""
        tools = {tool["function"]["name"] for tool in kwargs["optional_params"].get("tools") or ()}
        calls = words = 0
        for piece in demo.reply(kwargs["messages"], tools):
            await asyncio.sleep(demo.PAUSE)
            words += 1
            if isinstance(piece, str):
                yield _generic(piece)
                continue
            function = {"name": piece.name, "arguments": piece.arguments}
            yield _generic("", {"id": piece.call_id, "type": "function", "function": function, "index": calls})
            calls += 1
        sent = demo.words_in(kwargs["messages"])
        usage = {"prompt_tokens": sent, "completion_tokens": words, "total_tokens": sent + words}
        yield _generic("", finish="tool_calls" if calls else "stop") | {"usage": usage}


def _generic(text: str, tool_use: dict[str, Any] | None = None, finish: str = "") -> dict[str, Any]:
    return {
        "text": text,
        "tool_use": tool_use,
        "is_finished": bool(finish),
        "finish_reason": finish,
        "usage": None,
        "index": 0,
    }


def _configure() -> None:
    litellm.disable_streaming_logging = True
    litellm.suppress_debug_info = True
    litellm.drop_params = True  # `stream_options` is not known everywhere
    litellm.modify_params = True  # a history with tool calls is valid for an app without tools
    litellm.telemetry = False
    litellm.custom_provider_map = [{"provider": "demo", "custom_handler": _Demo()}]
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # its logs hold prompts and keys


@lru_cache(maxsize=256)
def _tokens_of(model: str, text: str) -> int:
    """Tokens of what is the same in every prompt of an app, counted once."""
    return litellm.token_counter(model=model, text=text)


@lru_cache(maxsize=256)
def _known(model: str) -> Mapping[str, Any]:
    """What litellm knows of a model; nothing of one that it does not know."""
    try:
        return litellm.get_model_info(model)
    except Exception:  # litellm raises a bare Exception for a model it does not know
        return {}


def _known_window(model: str) -> int:
    return _known(model).get("max_input_tokens") or UNKNOWN_WINDOW


def _prices(model: Model) -> Prices | None:
    """What a token costs: as aomi.yaml says, or else as litellm knows. None if neither does."""
    if model.litellm_params["model"].startswith("demo/"):
        return Prices("0", "0")
    return model.prices or prices_of(_known(model.priced_as))


def _cost(model: Model, usage: Usage) -> int | None:
    """Nano-dollars, None if the price is unknown. litellm knows what hangs on a prompt's length, or on the hour."""
    prices = _prices(model)
    if prices is None or prices.is_free or model.prices:
        return prices.cost(usage) if prices else None
    try:
        return _cost_by_litellm(model.priced_as, usage)
    except Exception:  # litellm has prices of models whose provider it cannot name
        return prices.cost(usage)


def _cost_by_litellm(model: str, usage: Usage) -> int:
    used = litellm.Usage(
        prompt_tokens=usage.input,
        completion_tokens=usage.output,
        total_tokens=usage.input + usage.output,
        cache_read_input_tokens=usage.cached,
        cache_creation_input_tokens=usage.written,
    )
    sent, said = litellm.cost_per_token(model=model, usage_object=used)
    return nano(Decimal(str(sent)) + Decimal(str(said)))


def _failure(error: Exception, stall: float) -> TurnFailed:
    """What a person may know of a provider's error; the log has its class, never its body."""
    if isinstance(error, (TimeoutError, httpx.ReadTimeout, litellm.Timeout)):
        return ProviderStalled(
            f"The model's provider sent nothing for {stall:g} seconds; try again, or choose another model"
        )
    status = getattr(error, "status_code", None)
    if isinstance(error, litellm.ContextWindowExceededError):
        return ProviderFailed(
            "The conversation is too long for this model; open a new thread, or choose another model", retryable=False
        )
    if isinstance(error, (litellm.AuthenticationError, litellm.PermissionDeniedError)):
        return ProviderFailed(
            "The model's provider did not accept the API key; check the key, or choose another model", retryable=False
        )
    if isinstance(error, litellm.RateLimitError):
        return ProviderFailed("The model's provider is busy; try again in a moment", retryable=True)
    if status in (400, 404, 422):
        return ProviderFailed(
            "The model's provider did not accept the request; try other words, or choose another model", retryable=False
        )
    return ProviderFailed("The model's provider failed to answer; try again", retryable=True)


async def _inside(stream: Any) -> AsyncIterator[list[Any]]:
    """The chunks inside litellm's wrapper. Where they are OpenAI's own JSON they are read as that: litellm makes a
    pydantic object of each, which is a third of the worker's time (docs/design.md)."""
    if type(stream) is not OpenAIChatCompletionStreamingHandler or stream.http_response is None:
        async for chunks in _singly(stream):
            yield chunks
        return
    async for chunks in read_json(stream.http_response.aiter_bytes()):
        for chunk in chunks:
            if "error" in chunk:
                stream.chunk_parser(chunk)  # raises what litellm makes of it
        yield chunks


async def _singly(stream: Any) -> AsyncIterator[list[Any]]:
    async for chunk in stream:
        yield [chunk]


async def _close(stream: Any) -> None:
    """Close the provider's connection, whatever kind of stream holds it."""
    for source in (stream.completion_stream, stream):
        closer = getattr(source, "aclose", None) or getattr(source, "close", None)
        if closer is None:
            continue
        try:
            closing = closer()
            if isinstance(closing, Coroutine):
                await closing
        except Exception as error:
            log.debug("closing a model's stream: %s", type(error).__name__)


async def _cancel_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
