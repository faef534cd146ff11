"""Requests as the published clients (0.1.31) send them: address, header and body of each call, nothing more."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import httpx

from tests.support.patience import patient, until

State = dict[str, Any]


class Gen1:
    """One session of a gen-1 client."""

    def __init__(self, url: str, key: str | None = None) -> None:
        self.url = url
        self.session_id = str(uuid.uuid4())
        self.client_id = str(uuid.uuid4())
        self.key = {"X-API-Key": key} if key else {}
        self.header = {"X-Session-Id": self.session_id}
        self.http = httpx.Client(timeout=patient(30), base_url=url, verify=False, trust_env=False)

    def send(self, message: str, app: str = "default", **more: Any) -> State:
        params = {"message": message, "app": app} | _texts(more)
        return self._json(self.http.post("/api/chat", params=params, headers=self.header | self.key))

    def poll(self, **params: Any) -> State:
        return self._json(self.http.get("/api/state", params=_texts(params), headers=self.header))

    def interrupt(self) -> State:
        return self._json(self.http.post("/api/interrupt", headers=self.header))

    def system(self, kind: str, payload: Any) -> dict[str, Any]:
        message = json.dumps({"type": kind, "payload": payload}, separators=(",", ":"))
        return self._json(self.http.post("/api/system", params={"message": message}, headers=self.header))["res"]

    def call(self, method: str, path: str, **more: Any) -> Any:
        """Any other call, with the session's header."""
        return self._json(self.http.request(method, path, headers=self.header | more.pop("headers", {}), **more))

    def until(self, condition: Callable[[State], Any], what: str = "", **params: Any) -> State:
        """Poll until the state is as wanted; returns it with all events that came meanwhile."""
        events: list[Any] = []

        def asked() -> State | None:
            state = self.poll(**params)
            events.extend(state["system_events"])
            return state if condition(state) else None

        return until(asked, what=what) | {"system_events": events}

    def finish(self, **params: Any) -> State:
        """Poll until the turn is over."""
        return self.until(lambda state: not state["is_processing"], "the end of the turn", **params)

    @staticmethod
    def _json(answer: httpx.Response) -> Any:
        assert answer.status_code == 200, (answer.status_code, answer.text)
        return answer.json()


def _texts(params: dict[str, Any]) -> dict[str, str]:
    return {
        name: value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
        for name, value in params.items()
        if value is not None
    }


def said(state: State) -> list[tuple[str, Any]]:
    """Sender and content of each message; for a tool's, name and result."""
    return [(m["sender"], tuple(m["tool_result"]) if m["tool_result"] else m["content"]) for m in state["messages"]]
