"""What litellm makes of a call on OpenAI's wire, learned from one that went through it: later ones like it are sent
without it, which takes a quarter of the CPU (docs/scaling.md)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from workers.models import routes
from workers.models.tap import Tap, TappedTransport

PROVIDERS = frozenset(["openai", "openrouter", "hosted_vllm"])
"""Routes on which litellm changes no message for the sake of its neighbours."""

MOST = 64
MOST_TRANSPORTS = 8

SECONDS = 600.0
"""After which a template is learned again; a client's own key, which is in it, is kept no longer."""

Kind = tuple[object, ...]
"""Of a message: its role, its fields and their types."""


class NoStream(ValueError):
    """The response is no stream; the call's tap knows what it is."""


@dataclass(frozen=True, repr=False)
class Lesson:
    """The arguments of a call and its messages before litellm saw them, as JSON."""

    arguments: str
    messages: str


@dataclass(frozen=True, repr=False)
class RequestTemplate:
    """The request that litellm makes of a call's arguments, in which the messages are missing. Messages of these
    `kinds` are sent as they are. `learned_at` is a time of `time.monotonic`."""

    kinds: frozenset[Kind]
    request: httpx.Request
    parts: tuple[str, str]
    transport: TappedTransport
    learned_at: float

    async def send(self, messages: list[dict[str, Any]]) -> httpx.Response:
        """Send it with `messages`. Raises httpx's errors if nothing comes back."""
        headers = [(name, value) for name, value in self.request.headers.multi_items() if name != "content-length"]
        content = json.dumps(messages).join(self.parts)
        url, extensions = self.request.url, dict(self.request.extensions)
        return await self.transport.handle_async_request(
            httpx.Request("POST", url, headers=headers, content=content, extensions=extensions)
        )


class RequestTemplates:
    """The templates of a worker process, for its loop of models."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._known: dict[str, RequestTemplate] = {}
        self._transports: dict[object, TappedTransport | None] = {}

    async def send(self, params: dict[str, Any], tap: Tap) -> bool:
        """Send a call with litellm's arguments `params`, if one like it is known; the tap gets the stream. Raises
        `NoStream`; httpx's errors if nothing comes back."""
        arguments, messages = _arguments(params), _without_nulls(params["messages"])
        known = self._fresh().get(arguments)
        if known is None or not known.kinds.issuperset(map(_kind, messages)):
            return False
        self._known[arguments] = self._known.pop(arguments)  # the first to go is the one that waits longest for a call
        response = await known.send(messages)
        if tap.source is None:
            await response.aclose()
            if tap.rejection is None:
                self._known.pop(arguments, None)  # litellm may know what to do with such a response
            raise NoStream("the response is no stream")
        return True

    def learn(self, lesson: Lesson, tap: Tap) -> None:
        """Learn from a call of litellm: what `teaching` gave before, and its tap."""
        messages, request = json.loads(lesson.messages), tap.request
        body = json.loads(request.content) if request and tap.sent == 1 else {}
        transport = self._own(tap.transport)
        if request is None or transport is None or body.pop("messages", None) != messages:
            return
        parts, kinds = (f'{json.dumps(body)[:-1]}, "messages": ', "}"), frozenset(map(_kind, messages))
        if known := self._fresh().pop(lesson.arguments, None):
            kinds |= known.kinds if known.parts == parts else frozenset()
        head = httpx.Request(request.method, request.url, headers=request.headers, extensions=request.extensions)
        template = RequestTemplate(kinds, head, parts, transport, self._now())
        self._known = dict([*self._known.items()][1 - MOST :]) | {lesson.arguments: template}

    async def close(self) -> None:
        """Close its connections."""
        for transport in filter(None, self._transports.values()):
            await transport.aclose()

    def _fresh(self) -> dict[str, RequestTemplate]:
        """Those whose time is not over; the others are forgotten."""
        since = self._now() - SECONDS
        self._known = {arguments: one for arguments, one in self._known.items() if one.learned_at > since}
        return self._known

    def _own(self, transport: TappedTransport | None) -> TappedTransport | None:
        """One like it, which litellm does not close when it forgets a client."""
        if transport is None:
            return None
        made_with = (transport.make.args, tuple(transport.make.keywords.items()))
        if made_with not in self._transports and len(self._transports) < MOST_TRANSPORTS:
            inner = transport.make()
            self._transports[made_with] = TappedTransport(inner, transport.make) if inner else None
        return self._transports.get(made_with)


def teaching(params: dict[str, Any]) -> Lesson | None:
    """The lesson of a call that litellm is about to make, which may change its arguments in place; None if a template
    cannot be learned from it."""
    if routes.provider_named(params["model"], params.get("custom_llm_provider")) not in PROVIDERS:
        return None
    messages, arguments = _without_nulls(params["messages"]), _arguments(params)
    is_plain = arguments and all(isinstance(one.get("content"), str | None) for one in messages)
    return Lesson(arguments, json.dumps(messages)) if is_plain else None


def _arguments(params: dict[str, Any]) -> str:
    """All but the messages, with the order of what is in them, which a model sees; empty if they are no JSON."""
    try:
        return json.dumps({name: value for name, value in params.items() if name != "messages"})
    except (TypeError, ValueError):
        return ""


def _without_nulls(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """litellm leaves out fields of a message that are null, such as the content of one that only calls tools."""
    return [{name: value for name, value in one.items() if value is not None} for one in messages]


def _kind(message: dict[str, Any]) -> Kind:
    return message.get("role"), *((name, type(value)) for name, value in message.items())
