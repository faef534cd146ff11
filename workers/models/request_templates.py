"""What litellm makes of a call on OpenAI's wire, learned from one that went through it: later ones like it are sent
without it, which takes a quarter of the CPU (docs/scaling.md)."""

from __future__ import annotations

import asyncio
import hashlib
import json
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import httpx
import orjson

from workers.models import routes
from workers.models.prepared_post import PreparedPost, prepare
from workers.models.tap import Tap, TappedTransport

PROVIDERS = frozenset(["openai", "openrouter", "hosted_vllm"])
"""Routes on which litellm changes no message for the sake of its neighbours."""

MOST = 64
MOST_TRANSPORTS = 8

SECONDS = 600.0
"""After which a template is forgotten, and with it a client's own key."""

Message = dict[str, Any]

Kind = tuple[object, ...]
"""Of a message: its role, its fields and their types."""


class NoStream(ValueError):
    """The response is no stream; the call's tap knows what it is."""


@dataclass(frozen=True, repr=False)
class Lesson:
    """A call before litellm saw it, which may change it in place: the key of its arguments, its messages as JSON."""

    key: bytes
    messages: str


@dataclass(frozen=True, repr=False, eq=False)
class RequestTemplate:
    """The request that litellm makes of a call's arguments, in which the messages are missing: its JSON begins with
    `head`, and they are its end. Messages of these `kinds` are sent as they are."""

    kinds: frozenset[Kind]
    head: str
    post: PreparedPost

    async def send(self, messages: list[Message]) -> httpx.Response:
        """Send it with `messages`. Raises httpx's errors."""
        return await self.post.send(f"{self.head}{json.dumps(messages)}}}".encode())


class RequestTemplates:
    """The templates of a worker process. All of it runs on the loop of its models."""

    def __init__(self) -> None:
        self._known: dict[bytes, RequestTemplate] = {}
        self._transports: dict[object, httpx.AsyncBaseTransport | None] = {}
        self._learning: set[asyncio.Task[None]] = set()

    async def send(self, params: dict[str, Any], tap: Tap) -> bool:
        """Send a call with litellm's arguments `params` by a template; its stream is the tap's source. False if none is
        known. Raises `NoStream`; httpx's errors if nothing comes back."""
        if not self._known:
            return False
        key, messages = _key(params), _as_sent(params["messages"])
        template = self._known.get(key)
        if template is None or not template.kinds.issuperset(map(_kind, messages)):
            return False
        response = await tap.watch(template.send(messages), is_stream=True)
        if self._known.get(key) is template:  # it may have gone, or been replaced
            self._known[key] = self._known.pop(key)  # the first to go is the one that waits longest for a call
        if tap.source is None:
            await response.aclose()
            if tap.rejection is None:  # litellm may know what to do with such a response
                self._forget(key, template)
            raise NoStream("the response is no stream")
        return True

    def learn(self, lesson: Lesson, tap: Tap) -> None:
        """Learn from a call of litellm: what `teaching` gave before, and its tap. A task of its own does so: if a
        library is not as it was, asyncio logs that, and the call goes on."""
        task = asyncio.get_running_loop().create_task(self._learn(lesson, tap))
        self._learning.add(task)
        task.add_done_callback(self._learning.discard)

    async def _learn(self, lesson: Lesson, tap: Tap) -> None:
        request, transport, messages = tap.request, self._own(tap.transport), json.loads(lesson.messages)
        body = json.loads(request.content) if request and tap.sent == 1 else {}
        if request is None or transport is None or body.pop("messages", None) != messages:
            return
        post = await prepare(transport, request)
        key, kinds = lesson.key, frozenset(map(_kind, messages))
        head = f'{json.dumps(body)[:-1]}, "messages": '
        if (known := self._known.pop(key, None)) and known.head == head:
            kinds |= known.kinds
        template = RequestTemplate(kinds, head, post)
        self._known[key] = template
        if len(self._known) > MOST:
            del self._known[next(iter(self._known))]
        asyncio.get_running_loop().call_later(SECONDS, self._expire, key, weakref.ref(template))

    async def close(self) -> None:
        """Close its connections."""
        for transport in filter(None, self._transports.values()):
            await transport.aclose()

    def _expire(self, key: bytes, template: Callable[[], RequestTemplate | None]) -> None:
        if alive := template():  # one that made room for others is not kept for its timer
            self._forget(key, alive)

    def _forget(self, key: bytes, template: RequestTemplate) -> None:
        if self._known.get(key) is template:
            del self._known[key]

    def _own(self, transport: TappedTransport | None) -> httpx.AsyncBaseTransport | None:
        """One like it, which litellm does not close when it forgets a client."""
        if transport is None:
            return None
        made_with = (transport.make.args, tuple(transport.make.keywords.items()))
        if made_with not in self._transports and len(self._transports) < MOST_TRANSPORTS:
            self._transports[made_with] = transport.make()
        return self._transports.get(made_with)


def teaching(params: dict[str, Any]) -> Lesson | None:
    """The lesson of a call that litellm is about to make with these arguments; None if nothing is to be learned."""
    if routes.provider_named(params["model"], params.get("custom_llm_provider")) not in PROVIDERS:
        return None
    key, messages = _key(params), params["messages"]
    is_plain = all(isinstance(one.get("content"), str | None) for one in messages)
    return Lesson(key, json.dumps(_as_sent(messages))) if key and is_plain else None


def _as_sent(messages: Iterable[Message]) -> list[Message]:
    """As litellm sends them first of all: without fields that are None."""
    return [{name: value for name, value in one.items() if value is not None} for one in messages]


def _key(params: dict[str, Any]) -> bytes:
    """The same for the same arguments in the same order, which a model sees, messages aside. It tells none of their
    secrets. Empty if they are no JSON."""
    arguments = {name: value for name, value in params.items() if name != "messages"}
    try:
        text = orjson.dumps(arguments)
    except TypeError:  # a number of more than 64 bits, or no JSON at all
        try:
            text = json.dumps(arguments).encode()
        except (TypeError, ValueError):
            return b""
    return hashlib.sha256(text).digest()


def _kind(message: Message) -> Kind:
    return message.get("role"), *((name, type(value)) for name, value in message.items())
