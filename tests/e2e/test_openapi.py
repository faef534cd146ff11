"""/openapi.json is the truth: every route, every event, every error, and real ones fit it."""

from __future__ import annotations

import inspect
import re
import sys
import typing

import pytest
import schemathesis
from jsonschema import Draft202012Validator

from app import create_app
from app.api import control
from app.config import Settings
from app.events import sse, types
from app.openapi.declare import is_page
from app.services import build
from app.web import parsing
from tests.support import processes
from tests.support.client import Client
from tests.support.document import ROOT, made
from tests.support.servers import Calls, Text


def validator(name: str) -> Draft202012Validator:
    """Of one schema of the document."""
    document = made()
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": document["components"]})


def component(part: dict, kind: str) -> dict:
    """What a part of the document refers to."""
    return made()["components"][kind][part["$ref"].rsplit("/", 1)[1]]


def operations() -> list[tuple[str, str, dict]]:
    return [(path, method, found) for path, methods in made()["paths"].items() for method, found in methods.items()]


def test_it_is_served_and_valid(client):
    answer = client.http.get(f"{client.url}/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == made()
    assert answer.json()["openapi"].startswith("3.1")
    schemathesis.openapi.from_dict(made()).validate()


def test_a_start_does_not_wait_for_it():
    code = "import sys, app; app.create_app(); assert 'apispec' not in sys.modules"
    processes.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_every_route_is_in_it_and_no_other():
    app = create_app(build(Settings(config=ROOT / "aomi.yaml")))
    rules = [rule for rule in app.url_map.iter_rules() if not is_page(app.view_functions[rule.endpoint])]
    routes = {
        (re.sub(r"<(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in rules
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert {(path, method) for path, method, _ in operations()} == routes


def test_every_name_in_a_path_is_a_parameter():
    for path, _, found in operations():
        described = [component(part, "parameters") for part in found["parameters"]]
        assert [part["name"] for part in described if part["in"] == "path"] == re.findall(r"{(\w+)}", path)


def test_every_error_has_the_one_form():
    for path, _, found in operations():
        for status, answer in found["responses"].items():
            if not status.startswith("2"):
                content = component(answer, "responses")["content"]
                forms = {"v1": "OpenAIError", "agui": "AgentError", "copilotkit": "AgentError"}
                form = forms.get(path.split("/")[1], "Refusal")
                assert content == {"application/json": {"schema": {"$ref": f"#/components/schemas/{form}"}}}, path


def test_a_limit_can_be_reached_in_every_operation_but_those_that_are_not_counted():
    free = {path for path, _, found in operations() if "429" not in found["responses"]}
    assert free == {"/healthz", "/readyz", "/openapi.json"}
    assert "Retry-After" in made()["components"]["responses"]["TooManyRequests"]["headers"]


def test_bounds_are_those_that_requests_are_checked_with():
    properties = made()["components"]["schemas"]["NewMessage"]["properties"]
    assert properties["text"]["maxLength"] == parsing.TEXT_CHARACTERS
    assert properties["on_busy"]["enum"] == list(parsing.ON_BUSY)
    action = made()["components"]["parameters"]["path.action"]
    assert action["schema"]["enum"] == list(control.ACTIONS)


def bounded() -> list[tuple[str, str, str, int]]:
    """Each string with a bound in a request's body: path, method, field, most characters."""
    found = []
    for path, method, operation in operations():
        if "application/json" in operation.get("requestBody", {}).get("content", {}) and "{action}" not in path:
            body = operation["requestBody"]["content"]["application/json"]["schema"]
            schema = body.get("anyOf", [body])[0]["$ref"].rsplit("/", 1)[1]
            for field, about in made()["components"]["schemas"][schema]["properties"].items():
                most = [part["maxLength"] for part in about.get("anyOf", [about]) if "maxLength" in part]
                found += [(path, method, field, most[0])] if most else []
    return found


@pytest.mark.parametrize(("path", "method", "field", "most"), bounded())
def test_a_string_may_be_as_long_as_it_says_and_no_longer(client, path, method, field, most):
    client.post("/api/sessions")
    client.get("/api/state", params={"client_id": client.session_id})
    thread = client.post(f"/api/sessions/{client.session_id}/threads").json()["id"]
    others = {"text": "remember 1", "provider": "openai", "api_key": "sk-x"}
    others |= {"message_id": "m"} if path == "/api/feedback" else {}
    others |= {"id": client.session_id} if path == "/ai/chat" else {}
    others |= {"threadId": client.session_id, "messages": []} if path.startswith(("/agui", "/copilotkit")) else {}
    path = path.replace("{session_id}", client.session_id).replace("{thread_id}", thread)
    for length, refused in ((most, False), (most + 1, True)):
        answer = client.request(method, path, json=others | {field: "x" * length})
        assert (answer.status_code == 400 and "may have at most" in answer.text) is refused, answer.text


@pytest.mark.parametrize(("form", "session_id", "fits"), [("uuid", "bot:12345", False), ("token", "bot:12345", True)])
def test_the_form_of_a_session_id_is_that_of_the_settings(form, session_id, fits):
    app = create_app(build(Settings(config=ROOT / "aomi.yaml", session_id_format=form)))
    document = app.test_client().get("/openapi.json").get_json()
    pattern = document["components"]["parameters"]["header.X-Session-Id"]["schema"]["pattern"]
    assert bool(re.search(pattern, session_id)) is fits
    assert re.search(pattern, "550e8400-e29b-41d4-a716-446655440000")


def kinds_of(event) -> set[str]:
    """The values of `type` that an event's type admits."""
    return set(typing.get_args(typing.get_type_hints(event)["type"]))


def test_every_event_that_can_be_made_is_in_it():
    makers = inspect.getmembers(sse, lambda found: inspect.isfunction(found) and found.__module__ == sse.__name__)
    returned = {typing.get_type_hints(maker).get("return") for _, maker in makers}
    made_by_sse = {kind for kind in returned if typing.is_typeddict(kind) or hasattr(kind, "__required_keys__")}
    named = {
        kind
        for union in (types.ChatEvent, types.UpdateEvent)
        for kind in typing.get_args(typing.get_args(union.__value__)[0])
    }
    hidden = {kind for kind in made_by_sse - named if kinds_of(kind) <= sse.HIDDEN}
    assert made_by_sse - hidden == named
    assert {kind.__name__ for kind in named} <= set(made()["components"]["schemas"])


def test_the_examples_fit_their_schemas():
    seen = 0
    for name, schema in made()["components"]["schemas"].items():
        for example in schema.get("examples", ()):
            validator(name).validate(example)
            seen += 1
    assert seen > 30


def test_each_event_of_a_stream_has_an_example_that_fits():
    for path, kind in (("/api/chat", "ChatEvent"), ("/api/updates", "UpdateEvent")):
        content = made()["paths"][path]["get"]["responses"]["200"]["content"]["text/event-stream"]
        kinds = made()["components"]["schemas"][kind]["discriminator"]["mapping"]
        assert list(content["examples"]) == list(kinds)
        for name, example in content["examples"].items():
            assert example["value"]["type"] == name
            validator(kind).validate(example["value"])


# Real ones


def told(client: Client, after: str) -> list[dict]:
    """The updates after a number, up to the state as of now."""
    with client.updates(last_id=after) as stream:
        found = [stream.next()]
        while "title" not in found[-1] or found[-1]["type"] != "state":
            found.append(stream.next())
        return found


def test_events_of_real_turns_fit(client):
    client.post("/api/sessions", json={"user_state": {"chain_id": 1}})
    answers = client.ask("What is the current price of ETH?") + client.ask("nonsense", app="scripted")
    with client.chat("count to 5000") as stream:
        stream.next("text")
        client.interrupt()
        answers += list(stream.events())
    answers += client.ask("Watch the price of ETH 2 times every 0.1 seconds")
    with client.chat("count to 20") as stream:
        answers += list(stream.events())
    for action, body in (("model", {"model": "demo"}), ("title", {"title": "T"}), ("user_state", {"a": 1})):
        client.post(f"/api/control/{action}", json=body)
    client.post(f"/api/sessions/{client.session_id}/archive")
    updates = told(client, "0")
    for event in answers:
        validator("ChatEvent").validate(event)
    for event in updates:
        validator("UpdateEvent").validate(event)
    assert {"text", "tool_call", "tool_result", "complete"} <= {event["type"] for event in answers}
    assert {"state", "title_changed", "model_changed", "tool_complete"} <= {event["type"] for event in updates}


def test_a_state_with_all_that_it_may_hold_fits(client):
    client.ask("Watch the price of ETH 2 times every 0.1 seconds")
    state = client.state()
    validator("State").validate(state)
    assert any("tool_calls" in message for message in state["messages"])


def test_what_a_client_is_asked_fits_in_both_dialects(client, provider):
    tx = {"to": "0x" + "ab" * 20, "label": "Pay", "chain_id": 1}
    calls = [("SendTransactionToWallet", tx), ("PickFile", {"types": [".csv"]}), ("Add", {"a": 1})]
    client.ask(provider.script("document wallet", [Calls(calls)], [Text(["ok"])]), app="scripted")
    validator("State").validate(client.state())
    validator("Gen1State").validate(client.get("/api/state").json())
    body = {"id": 1, "result": {"status": "success"}}
    validator("Chosen").validate(client.post("/api/control/wallet_result", json=body).json())
    with client.resume() as stream:
        list(stream.events())
    validator("State").validate(client.state())
    validator("Gen1State").validate(client.get("/api/state").json())
    validator("Gen1State").validate(client.post("/api/interrupt").json())
    updates = told(client, "0")
    for event in updates:
        validator("UpdateEvent").validate(event)
    assert {"wallet_tx_request", "client_request", "client_request_closed"} <= {event["type"] for event in updates}


def test_a_refusal_of_each_kind_fits(client):
    session = f"/api/sessions/{client.session_id}"
    refused = [
        client.get("/api/nothing"),
        client.request("PUT", "/api/chat"),
        client.post("/api/chat", content=b"{"),
        client.post("/api/chat", params={"app": "none"}, json={"text": "x"}),
        client.post("/api/chat", content=b"x" * 1_100_000),
        client.get(session),
        client.get("/api/session/apps", headers={"X-API-Key": "bad"}),
    ]
    assert {answer.status_code for answer in refused} == {400, 401, 404, 405, 413}
    for answer in refused:
        validator("Refusal").validate(answer.json())
