"""Requests of every kind that /openapi.json admits, and many that it does not, against the real server."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
import schemathesis
from schemathesis.checks import positive_data_acceptance

from app.web import parsing
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
    "session_id": parsing.UUID,
    "X-Session-Id": parsing.UUID,
    "thread_id": text(parsing.THREAD_CHARACTERS),
    "model": text(parsing.MODEL_CHARACTERS),
    "app": text(parsing.APP_CHARACTERS),
}
"""Ids of this form give way to ones that there are."""

NO_OTHERS = ["/api/control/apps", "/api/control/models"]  # a POST there is an unknown action of /api/control/{action}
NOT_HERE = "/api/simulate"  # 501, until somebody configures a chain


@pytest.fixture(scope="session")
def everything() -> Any:
    return operations(**{"max-examples": 8})


@pytest.fixture(scope="session")
def a_part() -> Any:
    return operations(**{"max-examples": 4})


@pytest.fixture(autouse=True)
def node_id(request: pytest.FixtureRequest) -> None:
    request.node._nodeid = request.node.nodeid  # schemathesis 4.32 takes it from there, where pytest 9.2 has none


# by fixtures, as all processes of tests would make the requests for 16 s before the first test
to_anybody = schemathesis.pytest.from_fixture("everything").exclude(path=[*NO_OTHERS, NOT_HERE])
to_one_that_lives = schemathesis.pytest.from_fixture("a_part").exclude(path=[*NO_OTHERS, NOT_HERE])


@schemathesis.deserializer("text/event-stream")
def events(_context, answer):
    """The event of each frame, which is what the schema describes."""
    lines = answer.content.decode().split("\n")
    return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]


def without_framing(case: Any) -> None:
    """How a request is framed is no part of an operation; an unknown Transfer-Encoding is 501, as test_hostile says."""
    if case.headers:
        case.headers.pop("Transfer-Encoding", None)


@to_anybody.parametrize()
def test_every_answer_is_as_the_document_says(case, webs):
    """What it cannot say, that header or query must name a session and both the same, is for the test below."""
    without_framing(case)
    case.call_and_validate(base_url=webs[0], excluded_checks=[positive_data_acceptance])


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


@to_one_that_lives.parametrize()
def test_every_answer_about_a_session_that_there_is_is_as_the_document_says(case, webs, key, living):
    """Its own models and apps, too: which there are the document cannot say, nor which action takes which body."""
    label = case.operation.label
    if label not in living or case.method == "DELETE":  # which may end it
        living[label] = ids_that_there_are(Client(webs[0], key))
    real = living[label]
    without_framing(case)
    case.query.pop("session_id", None)
    case.headers.setdefault("X-Session-Id", real["X-Session-Id"])
    for part in (case.path_parameters, case.headers, case.query, case.body):
        for name, form in FORMS.items():
            if isinstance(part, Mapping) and isinstance(part.get(name), str) and form.fullmatch(part[name]):
                part[name] = real[name]
    excluded = [positive_data_acceptance] if "{action}" in case.path else []
    case.call_and_validate(base_url=webs[0], headers={"X-API-Key": key}, excluded_checks=excluded)
