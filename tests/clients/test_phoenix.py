"""Traces with content, as Arize Phoenix reads them: conversations with messages, tool calls, and feedback."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.backend import Backend, free_port, program_running, redis_running, succeeds, until
from tests.support.client import Client
from tests.support.servers import Calls, Text

PHOENIX = Path(__file__).parent / ".venv-phoenix/bin/phoenix"

pytestmark = [
    pytest.mark.exhaustive,
    pytest.mark.skipif(not PHOENIX.exists(), reason="`make test-phoenix` installs Phoenix (700 MB)"),
]


@pytest.fixture
def phoenix(tmp_path: Path) -> Iterator[str]:
    """The address of a Phoenix of this test's own."""
    port = free_port()
    own = {"PHOENIX_WORKING_DIR": str(tmp_path), "PHOENIX_HOST": "127.0.0.1", "PHOENIX_PORT": str(port)}
    own |= {"PHOENIX_GRPC_PORT": str(free_port()), "PHOENIX_TELEMETRY_ENABLED": "false"}
    url, log = f"http://127.0.0.1:{port}", tmp_path / "phoenix.log"
    with program_running([PHOENIX, "serve"], own, log, lambda: succeeds(f"{url}/healthz"), "Phoenix"):
        yield url


@pytest.fixture
def user(phoenix: str, tmp_path: Path, config_file: Path) -> Iterator[Client]:
    """A client of a site that sends its traces there."""
    environment = {"AOMI_CONFIG": str(config_file), "TEST_API_KEY": "sk-x", "AOMI_OTEL": "1", "AOMI_OTEL_CONTENT": "1"}
    environment |= {"OTEL_EXPORTER_OTLP_ENDPOINT": phoenix, "OTEL_BSP_SCHEDULE_DELAY": "100"}
    with redis_running(tmp_path) as url:
        backend = Backend(tmp_path, url, environment)
        worker = backend.begin_worker()
        _, address = backend.web()
        backend.await_worker(worker)
        yield Client(address, backend.key())
        backend.stop()


def spans(phoenix: str) -> dict[str, list[dict[str, Any]]]:
    """All spans by name, the oldest first."""
    listed = httpx.get(f"{phoenix}/v1/projects/default/spans", params={"limit": 100})
    found = sorted(listed.json()["data"] if listed.is_success else [], key=lambda one: str(one["start_time"]))
    return {name: [one for one in found if one["name"] == name] for name in {str(one["name"]) for one in found}}


def test_phoenix_shows_the_conversation_with_its_messages_tool_calls_and_feedback(phoenix, user, provider):
    text = provider.script("what time is it", [Calls([("GetCurrentTime", {})])], [Text(["It is late"])])
    user.ask(text, app="scripted")
    user.post("/api/feedback", json={"message_id": user.state()["messages"][-1]["id"], "rating": "up"})
    wanted = {"chat scripted": 2, "execute_tool GetCurrentTime": 1, "gen_ai.evaluation.result": 1, "turn": 1}

    def arrived() -> Any:
        found = spans(phoenix)
        return all(len(found.get(name, ())) == count for name, count in wanted.items()) and found

    found = until(arrived, 60, "the spans")
    call, tool = found["chat scripted"][-1], found["execute_tool GetCurrentTime"][0]
    assert (call["span_kind"], tool["span_kind"]) == ("LLM", "TOOL")
    said = [call["attributes"].get(f"llm.input_messages.{number}.message.content") for number in range(3)]
    assert said == ["Be brief.", text, None], "instructions, the user, and a call"
    asked = "llm.input_messages.2.message.tool_calls.0.tool_call"
    assert call["attributes"][f"{asked}.function.name"] == "GetCurrentTime"
    assert call["attributes"]["llm.input_messages.3.message.tool_call_id"] == call["attributes"][f"{asked}.id"]
    assert call["attributes"]["llm.output_messages.0.message.content"] == "It is late"
    assert "timezone" in tool["attributes"]["output.value"]
    rating = found["gen_ai.evaluation.result"][0]
    assert rating["context"]["trace_id"] == found["turn"][0]["context"]["trace_id"]
    sessions = httpx.get(f"{phoenix}/v1/projects/default/sessions").json()["data"]
    name = hashlib.sha256(user.session_id.encode()).hexdigest()[:32]
    assert [one["session_id"] for one in sessions] == [name]
