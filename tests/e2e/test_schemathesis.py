"""Requests of every kind that /openapi.json admits, and many that it does not, against the real server."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
import schemathesis
from schemathesis.checks import positive_data_acceptance

from app.web import parsing, session_ids
from tests.support.client import Client
from tests.support.document import made
from tests.support.patience import patient

UPDATES = "/api/updates"


def operations(**generation: Any) -> Any:
    """The operations of the document; the same requests each time. Of streams the first
    events are read, of the update stream, which never ends by itself, the first one."""
    config = {
        "seed": 1,
        "request-timeout": patient(20),
        "max-stream-events": 2,
        "generation": {"deterministic": True} | generation,
        "operations": [{"include-path": UPDATES, "max-stream-events": 1}],
    }
    return schemathesis.openapi.from_dict(made(), config=schemathesis.Config.from_dict(config))


def text(characters: int) -> re.Pattern[str]:
    return re.compile(rf"(?=.*{parsing.NOT_BLANK.pattern}).{{1,{characters}}}", re.DOTALL)


FORMS = {
    "session_id": session_ids.UUID,
    "X-Session-Id": session_ids.UUID,
    "thread_id": text(parsing.THREAD_CHARACTERS),
    "model": text(parsing.MODEL_CHARACTERS),
    "app": text(parsing.APP_CHARACTERS),
}
"""Ids of this form give way to ones that there are."""

UNSAYABLE = {"response_format", "attachments", "message_id", "edit", "regenerate", "from"}
UNSAYABLE |= {"answers", "tools", "input", "messages", "items", "threadId", "resume"}
"""Fields whose value depends on a model, an app, on the messages that there are, or has the form of another API."""

FREE = ("POST /api/files", "DELETE /api/chat", "POST /ai/chat", "POST /copilotkit")
"""Operations whose requests depend on what there is, whatever is in them."""

NO_OTHERS = ["/api/control/apps", "/api/control/models"]  # a POST there is an unknown action of /api/control/{action}
NOT_HERE = "/api/simulate"  # 501, until somebody configures a chain


@pytest.fixture(scope="session")
def everything() -> Any:
    return operations(**{"max-examples": 3})


@pytest.fixture(autouse=True)
def node_id(request: pytest.FixtureRequest) -> None:
    request.node._nodeid = request.node.nodeid  # schemathesis 4.32 takes it from there, where pytest 9.2 has none


# by a fixture, as all processes of tests would make the requests for 16 s before the first test
documented = schemathesis.pytest.from_fixture("everything").exclude(path=[*NO_OTHERS, NOT_HERE])


@schemathesis.deserializer("text/event-stream")
def events(_context, answer):
    """The event of each frame, which is what the schema describes."""
    lines = answer.content.decode().split("\n")
    data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    return [json.loads(one) for one in data if one != "[DONE]"]


def ids_that_there_are(client: Client) -> dict[str, str]:
    """Of a new session of this client and of a thread in it, by the names of FORMS."""
    client.post("/api/sessions")
    client.get("/api/state", params={"client_id": client.session_id})
    thread = client.post(f"/api/sessions/{client.session_id}/threads").json()["id"]
    return dict(zip(FORMS, (client.session_id, client.session_id, thread, "demo", "default"), strict=True))


@pytest.fixture(scope="session")
def living() -> dict[str, dict[str, str]]:
    """Such ids by operation."""
    return {}


@pytest.mark.exhaustive
@documented.parametrize()
def test_every_answer_is_as_the_document_says(case, webs, key, living):
    """Each request is sent as it is, then about a session that there is, with its own models and apps.

    The document cannot say which there are, that header or query must name a session and both the same, which action
    takes which body, which bytes are a file, which turn waits, which messages there are, nor what a model takes beside
    text.
    """
    if case.headers:  # how a request is framed is no part of an operation; test_hostile has those
        case.headers.pop("Transfer-Encoding", None)
    case.call_and_validate(base_url=webs[0], excluded_checks=[positive_data_acceptance])
    label = case.operation.label
    if label not in living or case.method == "DELETE":  # which may end it
        living[label] = ids_that_there_are(Client(webs[0], key))
    be_about(living[label], case)
    excluded = [positive_data_acceptance] if is_unsayable(case) else []
    case.call_and_validate(base_url=webs[0], headers={"X-API-Key": key}, excluded_checks=excluded)


def is_unsayable(case: Any) -> bool:
    """Whether the document cannot say if this request is right."""
    return (
        bool(isinstance(case.body, dict) and UNSAYABLE & case.body.keys())
        or "{action}" in case.path
        or case.operation.label in FREE
    )


def be_about(real: Mapping[str, str], case: Any) -> None:
    case.query.pop("session_id", None)
    case.headers.setdefault("X-Session-Id", real["X-Session-Id"])
    for part in (case.path_parameters, case.headers, case.query, case.body):
        for name, form in FORMS.items():
            if isinstance(part, Mapping) and isinstance(part.get(name), str) and form.fullmatch(part[name]):
                part[name] = real[name]
