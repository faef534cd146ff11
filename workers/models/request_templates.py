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
"""Of a message: its role, the type of its content, its fields."""


class NoStream(ValueError):
    """The response is no stream; the call's tap knows what it is."""


@dataclass(frozen=True, repr=False)
class RequestTemplate:
    """The request that litellm makes of a call's arguments, in which the messages are missing. Messages of these
    `kinds` are sent as they are. `learned_at` is a time of `time.monotonic`."""

    arguments: dict[str, Any]
    kinds: frozenset[Kind]
    request: httpx.Request
    parts: tuple[str, str]
    transport: TappedTransport
    learned_at: float

    async def send(self, messages: list[dict[str, Any]], tap: Tap) -> None:
        """Send it with `messages`; the tap gets the stream. Raises `NoStream`; httpx's errors if nothing comes back."""
        headers = [(name, value) for name, value in self.request.headers.multi_items() if name != "content-length"]
        content = json.dumps(messages).join(self.parts)
        url, extensions = self.request.url, dict(self.request.extensions)
        response = await self.transport.handle_async_request(
            httpx.Request("POST", url, headers=headers, content=content, extensions=extensions)
        )
        if tap.source is None:
            await response.aclose()
            raise NoStream("the response is no stream")


class RequestTemplates:
    """The templates of a worker process, for its loop of models."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._known: list[RequestTemplate] = []
        self._transports: dict[object, TappedTransport | None] = {}

    def find(self, params: dict[str, Any]) -> RequestTemplate | None:
        """The template for a call with litellm's arguments `params`."""
        known = self._like(_without_messages(params))
        return known if known and known.kinds.issuperset(map(_kind, params["messages"])) else None

    def learn(self, params: dict[str, Any], given: str, tap: Tap) -> None:
        """Learn from a call of litellm: its arguments, what `teaching` gave before, and its tap."""
        messages, request = json.loads(given), tap.request
        body = json.loads(request.content) if request and tap.sent == 1 else {}
        transport = self._own(tap.transport)
        if request is None or transport is None or body.pop("messages", None) != messages:
            return
        parts = (f'{json.dumps(body)[:-1]}, "messages": ', "}")
        arguments, kinds = _without_messages(params), frozenset(map(_kind, messages))
        if known := self._like(arguments):
            self._known.remove(known)
            kinds |= known.kinds if known.parts == parts else frozenset()
        template = RequestTemplate(arguments, kinds, request, parts, transport, self._now())
        self._known = [*self._known[1 - MOST :], template]

    async def close(self) -> None:
        """Close its connections."""
        for transport in filter(None, self._transports.values()):
            await transport.aclose()

    def _like(self, arguments: dict[str, Any]) -> RequestTemplate | None:
        fresh = self._now() - SECONDS
        self._known = [one for one in self._known if one.learned_at > fresh]
        return next((one for one in self._known if one.arguments == arguments), None)

    def _own(self, transport: TappedTransport | None) -> TappedTransport | None:
        """One like it, which litellm does not close when it forgets a client."""
        if transport is None:
            return None
        made_with = (transport.make.args, tuple(transport.make.keywords.items()))
        if made_with not in self._transports and len(self._transports) < MOST_TRANSPORTS:
            inner = transport.make()
            self._transports[made_with] = TappedTransport(inner, transport.make) if inner else None
        return self._transports.get(made_with)


def teaching(params: dict[str, Any]) -> str:
    """The JSON of the messages of a call that litellm is about to make, which may change them in place; empty if a
    template cannot be learned from it."""
    if routes.provider_named(params["model"], params.get("custom_llm_provider")) not in PROVIDERS:
        return ""
    messages = params["messages"]
    return json.dumps(messages) if all(isinstance(one.get("content"), str | None) for one in messages) else ""


def _without_messages(params: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if name != "messages"}


def _kind(message: dict[str, Any]) -> Kind:
    return message.get("role"), type(message.get("content")), *message
