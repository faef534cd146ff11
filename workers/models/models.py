"""The models of aomi.yaml: one call at a time, from a conversation to a reply, and what it used."""

from __future__ import annotations

import concurrent.futures
import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from app.catalog import Catalog, Model
from app.config import Settings
from app.telemetry import content, redaction, tracing
from workers.cancellation import CancelToken
from workers.loop_thread import LoopThread
from workers.models import counting, litellm_setup, pricing, routes, warm_up
from workers.models.call import CallFailed, StreamedCall
from workers.models.failures import Failure
from workers.models.formats import formats_of
from workers.models.inputs import inputs_of
from workers.models.metering import estimate, measure
from workers.models.prompt import Prompt, assemble, rules_for, tools_called_in
from workers.models.reply_builder import ReplyBuilder
from workers.models.request import CallObserver, ModelRequest, OnEnd
from workers.models.request_templates import RequestTemplates
from workers.read_pace import ReadPace
from workers.reply import Reply
from workers.turn import ProviderFailed, TurnFailed

log = logging.getLogger(__name__)

MAX_WORDS = 2000
"""Characters of a provider's own words that are logged."""

RECORD_AFTER_SECONDS = 0.005
"""After which a call is recorded that has not ended: its request goes first, and an answer that comes at once.
Measured in docs/scaling.md."""

MIN_KEY = 4
"""A shorter value is no key, and might be a part of any word."""

_IS_KEY = re.compile(r"key|secret|token|password|credential|authorization|cookie", re.IGNORECASE)

RESERVED_OUTPUT_TOKENS = 4096
"""Tokens of the window left free for the reply (a quarter of a small window)."""


@dataclass(frozen=True)
class _Prepared:
    """A request as its provider gets it."""

    model: Model
    prompt: Prompt
    tools: list[dict[str, Any]]
    params: dict[str, Any]


class Models:
    """`start` it before use, `stop` it at the end."""

    def __init__(
        self,
        catalog: Catalog,
        settings: Settings,
        loop: LoopThread | None = None,
        templates: RequestTemplates | None = None,
        pace: ReadPace | None = None,
    ) -> None:
        self._catalog = catalog
        self._settings = settings
        self._loop = loop or LoopThread("aomi models")
        self._templates = templates or RequestTemplates()
        self.pace = pace or ReadPace(self._loop.call_soon)

    def with_catalog(self, catalog: Catalog) -> Models:
        """Other models on the same loop, which is started. Pays now for the routes that are new."""
        changed = Models(catalog, self._settings, self._loop, self._templates, self.pace)
        known = {routes.route_of(model) for model in self._catalog.models}
        warm_up.warm_up(self._loop, [model for model in catalog.models if routes.route_of(model) not in known])
        return changed

    def start(self) -> None:
        """Start the loop and pay now for what litellm does at the first call of each provider."""
        litellm_setup.configure()
        self._loop.start()
        warm_up.warm_up(self._loop, self._catalog.models)

    def stop(self) -> None:
        """End the loop and every stream that is still open."""
        self._loop.stop(self._templates.close)

    def stream(self, request: ModelRequest, observer: CallObserver, token: CancelToken) -> Reply:
        """One reply. Raises `ProviderFailed`, `ProviderStalled`, `Refused`; `Stopped` at a stop, with the provider's
        connection closed."""
        prepared = self._prepare(request)
        used_ids = frozenset(
            call["call_id"] for message in request.conversation.messages for call in message.get("tool_calls", ())
        )
        builder = ReplyBuilder(observer.on_text, used_ids | request.taken_ids, observer.on_thought)
        call = StreamedCall(
            prepared.params,
            builder,
            self._settings.stall_timeout,
            observer.on_stall,
            through_wrapper=self._settings.litellm_stream == "wrapper",
            templates=self._templates,
            pace=self.pace,
        )
        hide = _hiding(request, prepared.params)
        if hide:
            tracing.add_content(lambda: content.of_prompt(prepared.prompt, hide))
        future = self._loop.submit(call.run())
        on_end: OnEnd | None = None
        try:
            with token.waking(future.cancel):
                concurrent.futures.wait([future], RECORD_AFTER_SECONDS)
                own_key = self.takes_own_key(request.name, request.own_keys)
                on_end = observer.on_start(estimate(prepared.model, prepared.prompt, prepared.tools, own_key))
                reply = replace(future.result(), model=prepared.model.litellm_params["model"])
                if hide:
                    calls = [(one.call_id, one.name, one.arguments) for one in reply.calls]
                    tracing.add_content(lambda: content.of_reply(reply.text, calls, reply.stop, hide))
                return reply
        except CallFailed as failed:
            _log_failure(request.name, failed.failure, prepared.params if self._settings.log_content else None)
            raise failed.failure.error from failed.__cause__
        except concurrent.futures.CancelledError:
            token.check()
            raise ProviderFailed("The model's answer was cut off; try again", retryable=True) from None
        finally:
            future.cancel()
            if on_end:
                on_end(partial(measure, prepared.model, prepared.prompt, prepared.tools, builder.outcome()))

    def abilities(self) -> dict[str, frozenset[str]]:
        """The abilities of each model beyond text, by its name."""
        return {model.model_name: formats_of(model) | inputs_of(model, os.environ) for model in self._catalog.models}

    def takes_format(self, name: str, answer_format: dict[str, Any]) -> bool:
        """Whether the model takes this `response_format`."""
        return answer_format["type"] in formats_of(self._model(name))

    def takes_own_key(self, name: str, own_keys: Mapping[str, str]) -> bool:
        """Whether a call of the model would use one of the client's own keys."""
        return self._model(name).own_key(own_keys) is not None

    def room(self, name: str, tools: Sequence[dict[str, Any]]) -> int:
        """Tokens that the messages of a prompt may have."""
        model = self._model(name)
        window = pricing.window_of(model)
        room = window - min(RESERVED_OUTPUT_TOKENS, window // 4)
        if self._settings.history_tokens:
            room = min(room, self._settings.history_tokens)
        return room - (counting.of_same_text(model.litellm_params["model"], str(tools)) if tools else 0)

    def _prepare(self, request: ModelRequest) -> _Prepared:
        model = self._model(request.name)
        asked = model.litellm_params["model"]
        params = self._params(model, request)
        rules = rules_for(asked, routes.provider_of(model), params)
        if rules.thinking and params.get("tool_choice") not in (None, "auto", "none"):
            params["tool_choice"] = "auto"  # Claude refuses to think where a tool is forced
        room, inputs = self.room(request.name, request.tools), inputs_of(model, os.environ)
        prompt = assemble(request.conversation, rules, room, partial(counting.of_messages, asked), inputs)
        tools = list(request.tools) or (tools_called_in(prompt) if rules.calls_need_tools else [])
        return _Prepared(model, prompt, tools, params | {"messages": prompt} | ({"tools": tools} if tools else {}))

    def _params(self, model: Model, request: ModelRequest) -> dict[str, Any]:
        own = model.own_key(request.own_keys)
        if own is None and model.missing(os.environ):
            raise ProviderFailed(
                f"This model needs a key of your own, for {model.provider}: save one, or choose another model",
                retryable=False,
            )
        fixed = {
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_retries": 0,
            "timeout": self._settings.stall_timeout,
            "_skip_mcp_handler": True,
        }
        last = request.conversation.messages[-1:]
        params = request.params.over(
            model.params(os.environ),
            has_tools=bool(request.tools),
            after_results=any("tool_results" in message for message in last),
        )
        return params | ({"api_key": own} if own else {}) | fixed

    def _model(self, name: str) -> Model:
        model = self._catalog.model(name)
        if model is None:
            raise TurnFailed(f"The model {name!r} is no longer configured; choose another one")
        return model


def _log_failure(name: str, failure: Failure, params: dict[str, Any] | None) -> None:
    """Why a call failed, for operators; the provider's own words only with the `params` of the call, whose keys are
    taken out of them. (The log masks what looks like a key.)"""
    said = failure.said
    facts = dict.fromkeys([failure.kind, *([f"HTTP {said.status}"] if said.status else []), *said.codes])
    words = ""
    if params is not None and said.words:
        words = f": {_without_keys(said.words, params)[:MAX_WORDS]}"
    log.warning("model %r failed (%s): %s%s", name, ", ".join(facts), failure.error.message, words)


def _hiding(request: ModelRequest, params: dict[str, Any]) -> content.Hide | None:
    """Hides the client's secrets and the call's own keys in content for a trace; None if the secrets are not known."""
    conceal = request.conceal
    return (lambda text: _without_keys(conceal(text), params)) if conceal else None


def _without_keys(words: str, params: dict[str, Any]) -> str:
    for key in _keys(params):
        words = words.replace(key, redaction.MASK)
    return words


def _keys(params: dict[str, Any]) -> Iterator[str]:
    """The values of a call that are keys, also those of headers and other members."""
    for name, value in params.items():
        if isinstance(value, dict):
            yield from _keys(value)
        elif isinstance(value, str) and _IS_KEY.search(name):
            yield from (part for part in (value, value.rpartition(" ")[2]) if len(part) >= MIN_KEY)
