"""A conversation with a file whose messages are edited and answered again: no branch is lost, and each is whole."""

from __future__ import annotations

import random
import time
import uuid
from typing import Any

import httpx

from tests.chaos.reader import SECONDS, Broken, Reader, Sent
from tests.chaos.site import Site
from tests.support.client import PLAIN
from tests.support.patience import patient
from tests.support.servers import Text


class Revision:
    """One session of its own. What must hold is checked after each turn."""

    def __init__(self, site: Site, rng: random.Random) -> None:
        self._site = site
        self._rng = rng
        self._session_id = str(uuid.uuid4())
        self._edits = 0

    def run(self) -> None:
        """Raises `Broken`."""
        self._ask("POST", "/api/sessions")
        data = self._rng.randbytes(self._rng.randint(1, 1000)).hex().encode()
        file = self._ask("POST", "/api/files", content=data).json()
        self._turn({"attachments": [{"file_id": file["file_id"]}]})
        for _ in range(self._rng.randint(2, 4)):
            if self._rng.random() < 0.5:
                self._turn({"edit": self._messages()[0]["id"]})
                self._edits += 1
            else:
                self._turn({"regenerate": True})
            self._check_edits()
        self._choose()
        shown = self._ask("GET", f"/api/files/{file['file_id']}").content
        if shown != data:
            raise Broken(f"the file has other bytes: {self._session_id}")

    def _turn(self, more: dict[str, Any]) -> None:
        words = [f"{self._rng.randint(0, 9999)} " for _ in range(self._rng.randint(1, 20))]
        is_new = "regenerate" not in more
        text = f"revise {self._session_id} {self._rng.random()}" if is_new else self._messages()[0]["content"]
        self._site.provider.script(text, [Text(words, pause=self._rng.choice([0, 0.02]))])
        rng = random.Random(f"{text} {self._rng.random()}")
        sent = Reader(self._site, rng, Sent(self._session_id, text, "revise", more=more)).read()
        told = "".join(one["content"] for one in self._messages() if one["id"].startswith(f"{sent.run_id}-"))
        if told != sent.said():
            raise Broken(f"the active branch has {told!r}: {sent}")

    def _check_edits(self) -> None:
        """Each edit of the first message is its sibling."""
        siblings = self._messages()[0].get("siblings", [])
        if self._edits and len(set(siblings)) != self._edits + 1:
            raise Broken(f"{siblings} after {self._edits} edits: {self._session_id}")

    def _choose(self) -> None:
        """Each version of the first message can be made active, and is followed by what was its own."""
        for sibling in self._messages()[0].get("siblings", []):
            (thread,) = self._ask("GET", f"/api/sessions/{self._session_id}").json()["threads"]
            path = f"/api/sessions/{self._session_id}/threads/{thread['id']}/branch"
            for _ in range(3):  # an earlier request that was given up, and sent again, may come late
                self._ask("POST", path, json={"message_id": sibling})
                if self._messages()[0]["id"] == sibling:
                    break
            else:
                raise Broken(f"{sibling} is not active: {self._session_id}")

    def _messages(self) -> list[dict[str, Any]]:
        """Those of the active branch: each follows the one before."""
        messages = self._ask("GET", "/api/state", params={"session_id": self._session_id}).json()["messages"]
        parents = [None, *(message["id"] for message in messages)]
        if [message["parent_id"] for message in messages] != parents[: len(messages)]:
            raise Broken(f"the active branch is none: {messages}")
        return messages

    def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """The response, from whichever web gives one at last."""
        headers = {"X-Session-Id": self._session_id, "X-API-Key": self._site.key}
        deadline = time.monotonic() + patient(SECONDS)
        while time.monotonic() < deadline:
            try:
                url = f"{self._site.url(self._rng)}{path}"
                answer = httpx.request(method, url, headers=headers, timeout=5, **more, **PLAIN)
                if answer.status_code not in (429, 502, 503):
                    return answer.raise_for_status()
            except httpx.TransportError:
                pass
            time.sleep(self._rng.uniform(0.02, 0.2))
        raise Broken(f"no answer to {method} {path} within {patient(SECONDS):g} s")
