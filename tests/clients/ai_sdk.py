"""The AI SDK as npm has it, driven from here: one node process for each major version of `ai`."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.clients.npm import NodeProcess, program
from tests.support import processes
from tests.support.patience import until
from tests.support.programs import needed

PACKAGES = {5: "ai5", 6: "ai", 7: "ai7"}
"""The folders in node_modules."""


class AiSdk(NodeProcess):
    """One version of `ai` in a process of its own, which holds any number of chats."""

    def __init__(self, version: int) -> None:
        entry = program(f"{PACKAGES[version]}/package.json").parent
        node = program("node-*-*/bin/node") if version == 7 else needed("node")
        self.version = version
        super().__init__(node, "ai_chats.mjs", entry / _main(entry))

    def chat(self, url: str, key: str, chat_id: str = "", **options: Any) -> AiChat:
        """A chat with the app `scripted`, new unless it has an id."""
        return AiChat(self, url, key, chat_id or str(uuid.uuid4()), options)


class AiChat:
    """A chat as a page has it. `query` is added to its address."""

    def __init__(self, sdk: AiSdk, url: str, key: str, chat_id: str, options: dict[str, Any]) -> None:
        self.id, self._sdk, self._name = chat_id, sdk, str(uuid.uuid4())
        query = options.pop("query", f"app=scripted&v={sdk.version}")
        given = {"api": f"{url}/ai/chat?{query}", "headers": {"X-API-Key": key}, "id": chat_id}
        sdk.call("open", self._name, given | options)

    def start(self, method: str, *args: Any) -> None:
        """Call a method of the chat, and do not wait for it."""
        self._sdk.call("start", self._name, method, *args)

    def resume(self) -> None:
        """Read the turn that runs: return when its stream has begun."""
        self.start("resumeStream")
        until(lambda: self.state["status"] == "streaming", what="a stream")

    def send(self, text: str, **more: Any) -> None:
        self.start("sendMessage", {"text": text} | more)

    @property
    def state(self) -> dict[str, Any]:
        return self._sdk.call("state", self._name)

    @property
    def messages(self) -> list[dict[str, Any]]:
        return self.state["messages"]

    def until_text(self, text: str) -> None:
        """Wait until the last message has said this."""
        until(lambda: text in said(self.messages[-1]), what=f"{text!r} in {self.state}")

    def settled(self, status: str = "ready") -> dict[str, Any]:
        """The state, once nothing is on its way."""

        def is_settled() -> bool:
            is_over = self.state.get("finished", {}).get("isError") is not None
            return self.state["status"] in ("ready", "error") and is_over

        until(is_settled, 30)
        state = self.state
        assert state["status"] == status, state
        return state


def said(message: dict[str, Any]) -> str:
    """The text of a message."""
    return "".join(part["text"] for part in message["parts"] if part["type"] == "text")


def tools(message: dict[str, Any]) -> list[dict[str, Any]]:
    """Its tool parts."""
    return [part for part in message["parts"] if part["type"] == "dynamic-tool"]


def comparable(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Messages without what versions of the package do not agree on: ids of parts, whether a server ran a tool."""
    dropped = ("id", "providerExecuted")
    return [
        one | {"parts": [{name: part[name] for name in part if name not in dropped} for part in one["parts"]]}
        for one in messages
    ]


@contextmanager
def running(version: int) -> Iterator[AiSdk]:
    sdk = AiSdk(version)
    try:
        yield sdk
    finally:
        processes.stop(sdk.process)


def _main(package: Path) -> str:
    exported = json.loads((package / "package.json").read_text())["exports"]["."]
    return exported.get("import") or exported["default"]
