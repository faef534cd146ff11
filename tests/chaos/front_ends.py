"""People whose front ends speak other dialects: they send until the message is accepted, read through every break, and
may stop the reply. What must hold of it is in `front_ends_verdict`."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import redis as redis_py

from app.config import Settings
from app.state.accounts.api_keys import ApiKeys
from app.state.responses.public_ids import PublicIds
from app.state.scripts import Store
from tests.chaos.reader import SECONDS, Broken
from tests.chaos.site import Site
from tests.support import heard
from tests.support.client import PLAIN
from tests.support.heard import Events, Heard
from tests.support.patience import patient, until
from tests.support.servers import Calls, Text, Thoughts

APP = "scripted"
AGAIN = (429, 502, 503)


@dataclass
class Told:
    """A message, and the events of its reply as the client has them in the end. `before` are the texts of readings that
    broke off, `stopped` says that the person asked for a stop."""

    text: str
    events: list[Mapping[str, Any]] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    stopped: bool = False
    is_over: bool = False


class FrontEnd:
    """A person with one session, in one dialect. `fold` is what a client makes of the events."""

    name: str
    fold: Callable[[Events], Heard]

    def __init__(self, site: Site, rng: random.Random) -> None:
        self.session_id = str(uuid.uuid4())
        self.told: list[Told] = []
        self.site = site
        self.rng = rng
        self.key = str(uuid.uuid4())
        """The Idempotency-Key of the message."""

    def run(self) -> None:
        """Send some messages, one after the other. Raises `Broken` for one that gets no end."""
        for _ in range(self.rng.randint(1, 3)):
            self.key = str(uuid.uuid4())
            self._tell(Told(self._scripted()))

    def history(self) -> Heard:
        """What the dialect has of the whole session."""
        raise NotImplementedError

    def request(self, told: Told) -> dict[str, Any]:
        """The request that sends the message, or reads its reply on."""
        raise NotImplementedError

    def add(self, told: Told, event: Mapping[str, Any]) -> None:
        """An event of a reading has come."""
        told.events.append(event)

    def stop(self, told: Told) -> tuple[str, Any] | None:
        """Path and body that stop the reply, None before the client can."""
        raise NotImplementedError

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """The response of a web that can give one. Raises `Broken`."""
        deadline = time.monotonic() + patient(SECONDS)
        while time.monotonic() < deadline:
            try:
                answer = httpx.request(method, f"{self.site.url(self.rng)}{path}", **self._way(more))
                if answer.status_code not in AGAIN:
                    return answer
            except httpx.TransportError:
                pass
            time.sleep(self.rng.uniform(0.02, 0.2))
        raise Broken(f"no response to {method} {path}: {self.name} {self.session_id}")

    def _tell(self, told: Told) -> None:
        self.told.append(told)
        deadline = time.monotonic() + patient(SECONDS)
        while not self.heard(told).ends:
            if time.monotonic() > deadline:
                raise Broken(f"no end within {patient(SECONDS):g} s in {self.name}: {self.session_id} {told}")
            try:
                self._read(told)
            except httpx.TransportError:
                time.sleep(self.rng.uniform(0.02, 0.2))

    def heard(self, told: Told) -> Heard:
        """What the client has of a reply."""
        return type(self).fold(told.events)

    def _read(self, told: Told) -> None:
        """One reading, which the person may leave early, or in which they may stop the reply."""
        leaves, stops = (self.rng.choice([None, self.rng.randint(1, 12)]) for _ in range(2))
        with httpx.stream(**self.request(told), **self._way({})) as answer:
            if answer.status_code == 204:
                told.is_over = True
                return
            if answer.status_code in AGAIN:
                time.sleep(self.rng.uniform(0.1, 0.4))
                return
            if answer.status_code != 200:
                raise Broken(f"status {answer.status_code}, {answer.read()!r} in {self.name}: {told}")
            self._begin(told)
            for count, event in enumerate(heard.frames(answer)):
                self.add(told, event)
                if count == leaves:
                    return
                if count == stops and self.rng.random() < 0.4:
                    self._stop(told)
        if not self.heard(told).ends:
            raise Broken(f"a stream ended before the turn in {self.name}: {told}")

    def _begin(self, told: Told) -> None:
        """A reading begins with the first event of the turn."""
        told.before.append(self.heard(told).text)
        told.events.clear()

    def _stop(self, told: Told) -> None:
        wanted = self.stop(told)
        if wanted:
            told.stopped = True
            path, body = wanted
            self.ask("POST", path, json=body)

    def _scripted(self) -> str:
        """The text of a message, for which the provider has an answer."""
        rng, text = self.rng, f"{self.name} {self.session_id} {len(self.told)}"
        words = [f"{rng.randint(0, 9999)} → " for _ in range(rng.randint(1, 30))]
        said = Text(words, pause=rng.choice([0, 0.01, 0.03]))
        if rng.random() < 0.5:
            return self.site.provider.script(text, [Thoughts(["Hm. "]), said])
        return self.site.provider.script(text, [Text(["So: "]), Calls([("Add", {"a": 1, "b": 2})])], [said])

    def _way(self, more: Mapping[str, Any]) -> dict[str, Any]:
        headers = {"X-API-Key": self.site.key, "Idempotency-Key": self.key}
        return {"headers": headers, "timeout": 5} | PLAIN | dict(more)

    def _to(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        return {"method": method, "url": f"{self.site.url(self.rng)}{path}"} | more


class AiSdkPerson(FrontEnd):
    """`useChat`: a reading that breaks off is resumed, or the message sent again; each begins with the first chunk."""

    name = "AI SDK"
    fold = staticmethod(heard.ai_sdk)

    def request(self, told: Told) -> dict[str, Any]:
        if told.events and not told.is_over and self.rng.random() < 0.7:
            return self._to("GET", f"/ai/chat/{self.session_id}/stream", params={"v": "7", "reasoning": "1"})
        message = {"role": "user", "parts": [{"type": "text", "text": told.text}]}
        query = {"app": APP, "v": "7", "reasoning": "1"}
        return self._to("POST", "/ai/chat", params=query, json={"id": self.session_id, "messages": [message]})

    def stop(self, told: Told) -> tuple[str, Any] | None:
        return f"/ai/chat/{self.session_id}/stop", None

    def history(self) -> Heard:
        query = {"v": "7", "reasoning": "1"}
        return heard.of_ui_messages(self.ask("GET", f"/ai/chat/{self.session_id}/messages", params=query).json())


class AgentPerson(FrontEnd):
    """AG-UI: the same run again is read from its first event on."""

    name = "AG-UI"
    fold = staticmethod(heard.agui)

    def request(self, told: Told) -> dict[str, Any]:
        message = {"id": f"u-{self.key}", "role": "user", "content": told.text}
        body = {"threadId": self.session_id, "runId": self.key, "protocolVersion": "1.0", "messages": [message]}
        return self._to("POST", f"/agui/{APP}", json=body)

    def stop(self, told: Told) -> tuple[str, Any] | None:
        return f"/copilotkit/agent/{APP}/stop/{self.session_id}", {"runId": self.key}

    def history(self) -> Heard:
        body = {"threadId": self.session_id, "runId": "history"}
        snapshots = [one for one in self._connected(body) if one["type"] == "MESSAGES_SNAPSHOT"]
        return heard.of_agent_messages(snapshots[-1]["messages"])

    def _connected(self, body: Mapping[str, Any]) -> Events:
        answer = self.ask("POST", f"/copilotkit/agent/{APP}/connect", json=body)
        return list(heard.frames(answer))


class OpenAiPerson(FrontEnd):
    """Responses in a conversation, some of them in the background: a reading that breaks off goes on behind the last
    event."""

    name = "OpenAI"
    fold = staticmethod(heard.response)

    def __init__(self, site: Site, rng: random.Random) -> None:
        super().__init__(site, rng)
        self._conversation = self.ask("POST", "/v1/conversations", json={}).json()["id"]
        self.session_id = until(self._session, what="the session of a conversation")

    def request(self, told: Told) -> dict[str, Any]:
        if own_id := _response_id(told):
            after = {"stream": "true", "starting_after": str(len(told.events) - 1)}
            return self._to("GET", f"/v1/responses/{own_id}", params=after)
        body = {"model": APP, "input": told.text, "conversation": self._conversation, "stream": True}
        return self._to("POST", "/v1/responses", json=body | {"background": self.key < "8"})

    def add(self, told: Told, event: Mapping[str, Any]) -> None:
        number = event["sequence_number"]
        if event["type"] in heard.RESPONSE_ENDS:
            del told.events[number:]  # a failover may have lost what the client has
        if number != len(told.events):
            raise Broken(f"event {number} after {len(told.events)} others in {self.name}: {told}")
        told.events.append(event)

    def stop(self, told: Told) -> tuple[str, Any] | None:
        own_id = _response_id(told)
        return (f"/v1/responses/{own_id}/cancel", None) if own_id else None

    def history(self) -> Heard:
        query = {"order": "asc", "limit": "100"}
        page = self.ask("GET", f"/v1/conversations/{self._conversation}/items", params=query).json()
        return heard.of_items(page["data"])

    def _session(self) -> str | None:
        """The session that the conversation is, which its client does not know; None while Redis is away."""
        with suppress(redis_py.RedisError), redis_py.Redis.from_url(self.site.redis.master_url) as connection:
            store = Store(connection, Settings())
            key = ApiKeys(store).find(self.site.key)
            found = PublicIds(store).session(self._conversation.removeprefix("conv_"), key.id if key else "")
            if found is None:
                raise Broken(f"{self._conversation} is no conversation of this key")
            return found
        return None

    def _begin(self, told: Told) -> None:
        if not _response_id(told):
            told.events.clear()


def _response_id(told: Told) -> str:
    return told.events[0]["response"]["id"] if told.events else ""


FRONT_ENDS = (AiSdkPerson, AgentPerson, OpenAiPerson)
