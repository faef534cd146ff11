"""What an operator sees of requests and turns: traces and logs, out of a real web and worker."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace

import pytest
import redis as redis_py
from cryptography.fernet import Fernet

from app.config import Settings
from app.state.accounts.api_keys import ApiKeys
from app.state.scripts import Store
from tests.support.backend import Backend, redis_running, until
from tests.support.client import Client
from tests.support.collector import Collector
from tests.support.patience import setting
from tests.support.servers import Calls, Fail, Silence, Text, serving

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TRACE = PARENT.split("-")[1]

TEXT, OWN_KEY, ENV_KEY, SECRET = "the-whispered-text", "sk-own-key-of-the-user", "sk-key-of-operator", "hush-hush-value"
ENCRYPTION_KEY = Fernet.generate_key().decode()


@pytest.fixture(scope="module")
def collector():
    return Collector()


@pytest.fixture(scope="module")
def site(tmp_path_factory, config_file, collector):
    """A web and a worker that trace, on a Redis of their own."""
    folder = tmp_path_factory.mktemp("observed")
    environment = {
        "AOMI_CONFIG": str(config_file),
        "TEST_API_KEY": ENV_KEY,
        "AOMI_ENCRYPTION_KEY": ENCRYPTION_KEY,
        "AOMI_LEASE": setting(1),
        "AOMI_RETRY_PAUSE": "0.01",
        "AOMI_OTEL": "1",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }
    with redis_running(folder) as url, serving(collector.handle) as address:
        backend = Backend(folder, url, environment | {"OTEL_EXPORTER_OTLP_ENDPOINT": address})
        worker = backend.begin_worker()
        web, address = backend.web()
        until(lambda: "takes jobs" in worker.log() or not worker.alive, 40, "worker process")
        with redis_py.Redis.from_url(url) as store:
            key = ApiKeys(Store(store, Settings())).issue(("*",), "tests")
        yield SimpleNamespace(backend=backend, web=web, worker=worker, url=address, key=key)
        backend.stop()


@pytest.fixture
def user(site):
    return Client(site.url, site.key)


def lines(process):
    """The lines of a process's log, each JSON."""
    return [json.loads(line) for line in process.log().splitlines()]


# Traces


def one(collector, name, **wanted):
    """The only span like this, once it has come."""
    (found,) = until(lambda: collector.spans(name, **wanted), what=f"a span {name}")
    return found


def two_calls(collector, trace_id):
    """The two model calls of a trace, once they have come."""
    found = until(lambda: len(spans := collector.spans("chat scripted", trace_id=trace_id)) == 2 and spans)
    return sorted(found, key=lambda call: call.start)


def turn_of(collector, user):
    """The span of the user's only turn."""
    return one(collector, "turn", session=user.session_id[:4])


def test_a_trace_goes_from_the_clients_request_through_the_queue_to_model_and_tool(user, provider, collector):
    text = provider.script("traced", [Calls([("GetCurrentTime", {})])], [Text(["done"])])
    with user.streaming(
        "POST", "/api/chat?app=scripted", json={"text": text}, headers={"traceparent": PARENT}
    ) as stream:
        list(stream.events())
    request = one(collector, "POST /api/chat", trace_id=TRACE)
    turn = one(collector, "turn", trace_id=TRACE)
    tool = one(collector, "execute_tool GetCurrentTime", trace_id=TRACE)
    first, second = two_calls(collector, TRACE)
    assert (request.service, request.parent_id) == ("aomi-web", PARENT.split("-")[2])
    assert (turn.service, turn.parent_id) == ("aomi-worker", request.id)
    assert {first.parent_id, second.parent_id, tool.parent_id} == {turn.id}
    assert (turn.attributes["aomi.end"], turn.attributes["aomi.app"]) == ("complete", "scripted")
    assert request.end >= turn.start


def test_a_model_call_has_the_attributes_of_generative_ai(user, provider, collector):
    user.ask(provider.script("attributes", [Text(["ok"])]), app="scripted")
    turn = turn_of(collector, user)
    call = one(collector, "chat scripted", trace_id=turn.trace_id)
    assert call.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "scripted",
        "gen_ai.usage.input_tokens": 7,
        "gen_ai.usage.output_tokens": 5,
    }


def test_the_wait_in_the_queue_is_a_span_between_request_and_turn(user, provider, collector):
    user.ask(provider.script("queued", [Text(["ok"])]), app="scripted")
    turn = turn_of(collector, user)
    queued = one(collector, "queued", trace_id=turn.trace_id)
    assert queued.parent_id == turn.parent_id
    assert queued.start <= queued.end <= turn.start + 5_000_000


def test_a_failed_try_is_a_failed_span_that_names_the_error(user, provider, collector):
    text = provider.script("tried twice", [Fail(500)], [Text(["ok"])])
    user.ask(text, app="scripted")
    turn = turn_of(collector, user)
    first, second = two_calls(collector, turn.trace_id)
    assert (first.failed, first.attributes["error.type"], second.failed) == (True, "HTTP 500", False)


def test_steps_that_outlive_their_turn_are_linked_to_it(user, provider, collector):
    calls = Calls([("Countdown", {"n": 3})])
    user.ask(provider.script("linked", [calls], [Text(["counting"])]), app="scripted")
    steps = one(collector, "steps of Countdown")
    turn = turn_of(collector, user)
    tool = one(collector, "execute_tool Countdown", trace_id=turn.trace_id)
    assert steps.links == ((turn.trace_id, tool.id),)
    assert steps.trace_id != turn.trace_id


def test_feedback_is_a_span_of_its_turns_trace_linked_to_its_request_and_without_the_comment(user, provider, collector):
    user.ask(provider.script("rated", [Text(["ok"])]), app="scripted")
    reply, turn = user.state()["messages"][-1]["id"], turn_of(collector, user)
    user.post("/api/feedback", json={"message_id": reply, "rating": "down", "comment": TEXT})
    span = one(collector, "gen_ai.evaluation.result", trace_id=turn.trace_id)
    request = one(collector, "POST /api/feedback", session=user.session_id[:4])
    assert span.attributes == {
        "gen_ai.evaluation.name": "user",
        "gen_ai.evaluation.score.label": "down",
        "gen_ai.evaluation.score.value": 0.0,
        "aomi.message": reply,
    }
    assert span.links == ((request.trace_id, request.id),)


# Logs


def test_a_turns_lines_name_request_session_and_run_in_web_and_worker(site, user, provider):
    text = provider.script("logged", [Text(["ok"])])
    headers = {"X-Request-Id": "my-request.7"}
    with user.streaming("POST", "/api/chat?app=scripted", json={"text": text}, headers=headers) as stream:
        assert stream.headers["X-Request-Id"] == "my-request.7"
        list(stream.events())
    run = user.state()["messages"][-1]["id"].rpartition("-")[0]
    (asked,) = [line for line in lines(site.web) if line.get("request") == "my-request.7"]
    (ended,) = until(lambda: [line for line in lines(site.worker) if line.get("request") == "my-request.7"])
    assert (asked["route"], asked["status"], asked["session"]) == ("/api/chat", 200, user.session_id[:4])
    assert (ended["session"], ended["run"]) == (user.session_id[:4], run)
    assert ended["message"].startswith(f"turn {run}")
    assert user.session_id[:8] not in site.web.log() + site.worker.log()


def test_a_session_id_in_place_of_a_requests_is_not_logged(site, user):
    answer = user.get("/api/state", headers={"X-Request-Id": f"chat-{user.session_id.upper()}"})
    assert re.fullmatch("[0-9a-f]{12}", answer.headers["X-Request-Id"])
    until(lambda: answer.headers["X-Request-Id"] in site.web.log())
    assert user.session_id[:8] not in site.web.log().lower()


@pytest.mark.parametrize("given", [None, "", "two words", "x" * 65, "søren"])
def test_a_request_without_a_fit_id_gets_one(user, given):
    headers = {} if given is None else {"X-Request-Id": given.encode()}
    answer = user.get("/api/state", headers=headers)
    assert re.fullmatch("[0-9a-f]{12}", answer.headers["X-Request-Id"])


def whisper(user, provider):
    """Turns that hold a text and keys, through every part that might log them."""
    echo = {"error": {"message": f"You said {TEXT} with {OWN_KEY}"}}
    user.post("/api/control/provider-keys", json={"provider": "openai", "api_key": OWN_KEY}, params={"client_id": "w"})
    user.post("/api/secrets", json={"client_id": "w", "secrets": {"TOKEN": SECRET}})
    for text, *answers in [
        (TEXT, [Fail(400, echo)]),
        (f"{TEXT} again", [Fail(500, echo)]),
        (f"{TEXT} tool", [Calls([("Explode", {"text": TEXT})])], [Text([TEXT])]),
        (f"{TEXT} cut", [Text([TEXT]), Silence(0.1)]),
    ]:
        with user.streaming(
            "POST", "/api/chat?app=scripted&client_id=w", json={"text": provider.script(text, *answers)}
        ) as stream:
            list(stream.events())
    user.get("/api/chat/nothing", params={"message": TEXT})
    user.post("/api/control/title", json={"title": TEXT}, params={"session_id": user.session_id})


def test_no_line_and_no_span_holds_a_text_a_key_or_a_secret(site, user, provider, collector):
    whisper(user, provider)
    other = Client(site.url, site.key)
    other.ask(provider.script("refuse", [Calls([("Refuse", {"word": TEXT})])], [Text(["ok"])]), app="scripted")
    until(lambda: "RuntimeError" in site.worker.log())
    until(lambda: collector.spans("execute_tool Refuse"), what="the spans of the last turn")
    log = site.web.log() + site.worker.log() + str(collector.spans())
    assert "HTTP 400" in log
    assert "Traceback" in log
    for held in (TEXT, OWN_KEY, ENV_KEY, SECRET, ENCRYPTION_KEY, site.key):
        assert held not in log, held


def test_a_killed_worker_is_soon_no_reason_to_be_ready(site, user):
    assert user.get("/readyz").status_code == 200
    site.worker.kill()
    until(lambda: user.get("/readyz").status_code == 503, what="two leases and some")
    assert "sent a heartbeat lately" in user.get("/readyz").json()["error"]
    assert user.get("/healthz").status_code == 200


@pytest.fixture(scope="module")
def telling(site):
    """A worker whose logs and traces have texts."""
    return site.backend.worker(AOMI_LOG_CONTENT="1", AOMI_OTEL_CONTENT="1")


def test_the_operator_may_have_texts_logged_and_still_no_keys(site, telling, user, provider):
    worker = telling
    whisper(user, provider)
    messages = [line["message"] for line in lines(worker)]
    assert f"the user said: {TEXT}" in messages
    assert f"model 'scripted' said: {TEXT}" in messages
    for held in (OWN_KEY, ENV_KEY, SECRET, ENCRYPTION_KEY, site.key):
        assert held not in worker.log(), held


def test_the_operator_may_have_texts_in_traces_and_still_no_keys_and_secrets(site, telling, user, provider, collector):
    whisper(user, provider)
    said = f"{TEXT}: my secret is {SECRET}, my key {OWN_KEY}"
    answers = ([Calls([("Refuse", {"word": said})])], [Text([f"you said {said}"])])
    body = {"text": provider.script(said, *answers)}
    with user.streaming("POST", "/api/chat?app=scripted&client_id=w", json=body) as stream:
        list(stream.events())
    run = user.state()["messages"][-1]["id"].rpartition("-")[0]
    turn = until(lambda: [one for one in collector.spans("turn") if one.attributes["aomi.run"] == run])[0]
    first, second = two_calls(collector, turn.trace_id)
    tool = one(collector, "execute_tool Refuse", trace_id=turn.trace_id)
    hidden = f"{TEXT}: my secret is $SECRET:TOKEN, my key [key]"
    asked, called, told = json.loads(second.attributes["gen_ai.input.messages"])[-3:]
    assert asked == {"role": "user", "parts": [{"type": "text", "content": hidden}]}
    assert (called["parts"][0]["arguments"], told["role"]) == ({"word": hidden}, "tool")
    assert json.loads(first.attributes["gen_ai.output.messages"])[0]["finish_reason"] == "tool_call"
    logged = [line["message"] for line in lines(telling)]
    assert {f"the user said: {hidden}", f"model 'scripted' said: you said {hidden}"} <= {*logged}
    assert hidden in second.attributes["gen_ai.output.messages"]
    assert json.loads(tool.attributes["gen_ai.tool.call.arguments"]) == {"word": hidden}
    assert "the server's log says why" in tool.attributes["gen_ai.tool.call.result"]
    names = {one.attributes["gen_ai.conversation.id"] for one in (turn, first, second)}
    assert len(names) == 1
    for held in (OWN_KEY, ENV_KEY, SECRET, ENCRYPTION_KEY, site.key, user.session_id):
        assert held not in str(collector.spans()), held
