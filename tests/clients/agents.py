"""AG-UI's and CopilotKit's packages as npm has them, driven from here: one node process for all agents."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.clients.npm import NodeProcess, program
from tests.support import processes
from tests.support.patience import until
from tests.support.programs import needed

Message = dict[str, Any]


class Packages(NodeProcess):
    """`@ag-ui/client` and `@copilotkit/core` in a process of their own."""

    def __init__(self) -> None:
        program("@ag-ui/client/package.json")
        super().__init__(needed("node"), "agents.mjs")

    def agui(self, url: str, key: str, thread_id: str = "", app: str = "scripted", **options: Any) -> Agent:
        """An agent of `@ag-ui/client`, of a new thread unless one is named."""
        agent = Agent(self, thread_id)
        given = {"url": f"{url}/agui/{app}", "threadId": agent.thread_id, "headers": {"X-API-Key": key}}
        self.call("agui", agent.name, given | options)
        return agent

    def copilotkit(
        self, url: str, key: str, thread_id: str = "", transport: str = "auto", app: str = "scripted"
    ) -> Agent:
        """An agent that a front end of CopilotKit has, without a Node runtime between it and us."""
        agent = Agent(self, thread_id)
        headers = {"Authorization": f"Bearer {key}"}
        given = {"runtimeUrl": f"{url}/copilotkit", "runtimeTransport": transport, "headers": headers}
        agent.info = self.call("copilotkit", agent.name, given | {"agent": app, "threadId": agent.thread_id})
        return agent


class Agent:
    """An agent with its thread."""

    def __init__(self, packages: Packages, thread_id: str) -> None:
        self.thread_id, self.name = thread_id or str(uuid.uuid4()), str(uuid.uuid4())
        self.info: dict[str, Any] = {}
        self._packages = packages

    def start(self, command: str, *args: Any) -> None:
        """Call a method, and do not wait for what comes of it."""
        self._packages.call(command, self.name, *args)

    def send(self, text: Any, message_id: str = "", **parameters: Any) -> None:
        self.start("send", message_id or str(uuid.uuid4()), text, parameters)

    @property
    def state(self) -> dict[str, Any]:
        return self._packages.call("state", self.name)

    @property
    def messages(self) -> list[Message]:
        return self.state["messages"]

    def until_text(self, text: str) -> None:
        """Wait until the last message has said this."""
        until(lambda: text in str(self.messages[-1:]), what=f"{text!r} in {self.state}")

    def settled(self) -> dict[str, Any]:
        """The state, once nothing is on its way."""
        until(lambda: not self.state["running"], 30, what="the end of the run")
        return self.state

    def done(self) -> dict[str, Any]:
        """The same of a run in which the packages found no fault: neither their verifier nor their schemas."""
        state = self.settled()
        assert (state["error"], state.get("failures", [])) == (None, []), state
        assert self._packages.call("complaints") == []
        assert self._packages.call("faults", state["events"]) == []
        return state


def kinds(events: list[dict[str, Any]]) -> list[str]:
    """The types of events, without pieces that go on."""
    found: list[str] = []
    for event in events:
        if not (found and found[-1] == event["type"] and event["type"].endswith("_CONTENT")):
            found.append(event["type"])
    return found


@contextmanager
def running() -> Iterator[Packages]:
    packages = Packages()
    try:
        yield packages
    finally:
        processes.stop(packages.process)
