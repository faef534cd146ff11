"""Requests of every kind that /openapi.json admits, and many that it does not, against the real server."""

from __future__ import annotations

import json
from typing import Any

import schemathesis
from schemathesis.checks import positive_data_acceptance

from tests.support.client import Client
from tests.support.document import made

UPDATES = "/api/updates"


def operations(**generation: Any) -> Any:
    """The operations of the document; the same requests each time. Of streams the first
    events are read, of the update stream, which never ends by itself, the first one."""
    config = {
        "seed": 1,
        "request-timeout": 5,
        "max-stream-events": 5,
        "generation": {"deterministic": True} | generation,
        "operations": [{"include-path": UPDATES, "max-stream-events": 1}],
    }
    return schemathesis.openapi.from_dict(made(), config=schemathesis.Config.from_dict(config))


NO_OTHERS = ["/api/control/apps", "/api/control/models"]  # a POST there is an unknown action of /api/control/{action}
NOWHERE_ACCEPTED = "/api/simulate"  # 501, until somebody configures a chain

any_request = operations(**{"max-examples": 20}).exclude(path=[*NO_OTHERS, NOWHERE_ACCEPTED])
GOOD = {"max-examples": 6, "mode": "positive"}
good_request = operations(**GOOD).exclude(path=["/api/control/{action}", NOWHERE_ACCEPTED])


@schemathesis.deserializer("text/event-stream")
def events(_context, answer):
    """The event of each frame, which is what the schema describes."""
    lines = answer.content.decode().split("\n")
    return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]


@any_request.parametrize()
def test_every_answer_is_as_the_document_says(case, webs):
    """What it cannot say, that header or query must name a session and both the same, is for the test below."""
    case.call_and_validate(base_url=webs[0], excluded_checks=[positive_data_acceptance])


@good_request.parametrize()
def test_what_the_document_admits_is_accepted(case, webs, key):
    """In a session of its own, with models and apps that exist; which these are the document cannot say."""
    client = Client(webs[0], key)
    client.post("/api/sessions")
    client.get("/api/state", params={"client_id": client.session_id})
    thread = client.post(f"/api/sessions/{client.session_id}/threads").json()["id"]
    case.query.pop("session_id", None)
    case.query.pop("app", None)
    case.query.pop("namespace", None)
    real = {"session_id": client.session_id, "thread_id": thread, "model": "demo", "app": "default"}
    for part in (case.path_parameters, case.body):
        if isinstance(part, dict):
            part.update((name, value) for name, value in real.items() if isinstance(part.get(name), str))
    case.call_and_validate(base_url=webs[0], headers=client.headers)
