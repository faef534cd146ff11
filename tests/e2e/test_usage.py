"""What turns use and cost: counted once however they end, shown to the key, and bounded by its budget."""

from __future__ import annotations

import json
import subprocess
from decimal import Decimal
from typing import Any

import pytest

from app.config import Settings
from app.state.accounts.api_keys import ApiKeys
from app.state.scripts import Store
from tests.support import commands
from tests.support.backend import until
from tests.support.client import Client, kinds, text_of
from tests.support.servers import Calls, Cut, Fail, Silence, Text, Uses

# the scripted model costs 0.001 US$ a token of the prompt, half of it if cached, and 0.002 US$ a token it says


@pytest.fixture
def new_client(webs, redis):
    """Makes a session with an API key of its own."""

    def make(**more: Any) -> Client:
        return Client(webs[0], ApiKeys(Store(redis, Settings())).issue(("*",), "usage", **more))

    return make


@pytest.fixture
def client(new_client):
    return new_client()


def usage(client: Client, **query: str) -> dict[str, Any]:
    answer = client.get("/api/usage", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def settled(client: Client, calls: int) -> dict[str, Any]:
    """The totals of the client's key once they hold so many model calls; settling is behind the end of a turn."""
    until(lambda: usage(client)["total"]["model_calls"] >= calls, what="the calls to be settled")
    found = usage(client)["total"]
    assert found["model_calls"] == calls
    return found


def test_a_fallback_that_replies_is_billed_under_its_own_name(client, provider):
    text = provider.script("falls back", [Fail(401)], [Uses(300, 20), Text(["fine"])])
    client.ask(text, app="scripted", model="scripted")
    settled(client, 2)
    models = {one["model"]: one for one in usage(client)["by_model"]}
    assert (models["small"]["input_tokens"], models["small"]["output_tokens"]) == (300, 20)
    assert models["scripted"]["input_tokens"] == models["scripted"]["output_tokens"] == 0
    assert client.state()["model"] == "scripted"


def test_a_turn_costs_what_its_provider_counted_at_the_models_prices(client, provider):
    text = provider.script("costs", [Uses(1000, 200, cached=400), Text(["fine"])])
    client.ask(text, model="scripted")
    assert settled(client, 1) == {
        "turns": 1,
        "model_calls": 1,
        "input_tokens": 1000,
        "output_tokens": 200,
        "cached_tokens": 400,
        "cost_usd": 1.2,
        "estimated_calls": 0,
        "unpriced_calls": 0,
        "own_key_calls": 0,
    }


def test_every_model_call_of_a_turn_counts_and_failures_that_said_nothing_cost_nothing(client, provider):
    again = [Calls([("GetCurrentTime", {})])]
    text = provider.script("three calls", [Fail(503)], [Uses(10, 1), *again], [Uses(20, 2), Text(["done"])])
    assert kinds(client.ask(text, app="scripted"))[-1] == "complete"
    found = settled(client, 3)
    assert (found["turns"], found["input_tokens"], found["output_tokens"], found["cost_usd"]) == (1, 30, 3, 0.036)
    assert found["estimated_calls"] == 0


def test_usage_is_told_by_day_app_and_model_and_for_one_session(client, webs, provider):
    client.ask(provider.script("one", [Uses(10, 1), Text(["a"])]), app="scripted")
    other = Client(webs[0])
    other.headers["X-API-Key"] = client.headers["X-API-Key"]
    other.ask("remember 1")
    settled(client, 2)
    told = usage(client)
    assert {by: [line[by] for line in told[f"by_{by}"]] for by in ("app", "model")} == {
        "app": ["default", "scripted"],
        "model": ["demo", "scripted"],
    }
    (day,) = told["by_day"]
    assert day | {"day": ""} == told["total"] | {"day": ""}
    assert usage(client, session_id=client.session_id)["total"]["input_tokens"] == 10
    assert usage(client, **{"from": "2001-01-01", "to": "2001-01-31"})["total"]["turns"] == 0


@pytest.mark.parametrize(
    "query",
    [
        {"from": "yesterday"},
        {"from": "2026-02-30"},
        {"from": "2026-02-02", "to": "2026-02-01"},
        {"from": "2020-01-01", "to": "2026-01-01"},
        {"session_id": "mine"},
    ],
)
def test_what_is_no_span_of_days_and_no_session_is_refused(client, query):
    assert client.get("/api/usage", params=query).status_code == 400


def test_without_a_key_there_is_no_usage(webs):
    assert Client(webs[0]).get("/api/usage").status_code == 401
    assert Client(webs[0], "aomi_unknown").get("/api/usage").status_code == 401


def test_an_interrupted_turn_pays_for_its_prompt_and_what_came_by_an_estimate(client, provider):
    text = provider.script("stop in the middle", [Text(["one two three four five six seven"]), Silence()])
    with client.chat(text, model="scripted") as stream:
        stream.next("text")
        assert client.interrupt()
        list(stream.events())
    found = settled(client, 1)
    assert found["estimated_calls"] == 1
    assert found["output_tokens"] == 7
    assert 5 <= found["input_tokens"] < 2000
    assert found["cost_usd"] == round(0.001 * found["input_tokens"] + 0.014, 9)


def test_a_turn_that_is_stopped_before_its_first_token_pays_for_its_prompt(client, provider):
    text = provider.script("stop before", [Silence()])
    with client.chat(text, model="scripted") as stream:
        until(lambda: provider.requests(text))
        assert client.interrupt()
        list(stream.events())
    found = settled(client, 1)
    assert (found["output_tokens"], found["estimated_calls"]) == (0, 1)
    assert found["input_tokens"] >= 5


def test_a_reply_that_its_provider_broke_off_is_paid_as_far_as_it_came(client, provider):
    text = provider.script("breaks off", [Text(["one two three"]), Cut()])
    assert client.ask(text, model="scripted")[-1]["code"] == "provider_error"
    assert (settled(client, 1)["output_tokens"], settled(client, 1)["estimated_calls"]) == (3, 1)


def test_a_provider_that_does_not_count_is_counted_for(client, provider):
    text = provider.script("does not count", [Uses(None), Text(["one two three"])])
    client.ask(text, model="scripted")
    found = settled(client, 1)
    assert (found["output_tokens"], found["estimated_calls"]) == (3, 1)
    assert found["input_tokens"] >= 5


def test_a_title_is_paid_by_the_key_of_its_turn(client, provider):
    text = provider.script("a title, please", [Uses(30, 3), Text(["Titled"])])
    client.ask(text, app="titled")
    until(lambda: client.state()["title"] == "Titled")
    settled(client, 2)
    by_model = {line["model"]: line for line in usage(client)["by_model"]}
    assert (by_model["scripted"]["cost_usd"], by_model["scripted"]["turns"]) == (0.036, 0)
    assert by_model["demo"]["turns"] == 1


def test_what_the_client_answered_is_told_to_the_model_at_the_expense_of_the_key_that_asked(client, webs, provider):
    call = Calls([("SendTransactionToWallet", {"to": "0x" + "1" * 40, "label": "Pay", "chain_id": 1})])
    text = provider.script("send it", [Uses(10, 1), call], [Uses(20, 2), Text(["asked"])])
    client.ask(text, app="scripted")
    keyless = Client(webs[0], session_id=client.session_id)
    answer = {"id": 1, "result": {"status": "success", "txHash": "0x88df"}}
    assert keyless.post("/api/control/wallet_result", json=answer).status_code == 200
    found = settled(client, 3)
    assert found["turns"] == 2


def test_a_session_that_is_deleted_in_the_middle_of_a_turn_is_paid(client, provider):
    text = provider.script("delete me", [Text(["one two three"]), Silence()])
    with client.chat(text, model="scripted") as stream:
        stream.next("text")
        client.request("DELETE", f"/api/sessions/{client.session_id}")
    assert settled(client, 1)["estimated_calls"] == 1


# Budgets


def test_a_key_whose_budget_is_spent_is_refused_before_it_bills(new_client, provider):
    client = new_client(budget=Decimal("0.01"))
    text = provider.script("spends it", [Uses(10, 0), Text(["all of it"])])
    client.ask(text, app="scripted")
    settled(client, 1)
    assert usage(client)["budget"] | {"until": ""} == {"usd": 0.01, "spent_usd": 0.01, "left_usd": 0.0, "until": ""}
    for refused in (
        client.post("/api/chat", params={"app": "scripted"}, json={"text": "more"}),
        client.post("/api/chat", params={"app": "scripted", "message": "more"}),
    ):
        assert (refused.status_code, refused.json()["error"].split(";")[0]) == (
            402,
            "The budget of this API key is spent for this month",
        )
    assert provider.requests("more") == []
    assert client.state()["messages"][-1]["content"] == "all of it"


def test_a_retry_of_the_message_that_spent_the_budget_attaches_to_its_turn(new_client, provider):
    client = new_client(budget=Decimal("0.01"))
    text = provider.script("spent by this", [Uses(10, 0), Text(["once"])])
    headers = {"Idempotency-Key": "mine"}
    for _ in range(2):
        with client.streaming("POST", "/api/chat?app=scripted", json={"text": text}, headers=headers) as stream:
            assert text_of(list(stream.events())) == "once"
        settled(client, 1)


def test_a_turn_ends_before_the_model_call_that_its_budget_has_no_room_for(new_client, provider):
    client = new_client(budget=Decimal("0.01"))
    text = provider.script("calls on", [Uses(10, 0), Calls([("GetCurrentTime", {})])], [Text(["never"])])
    events = client.ask(text, app="scripted")
    assert kinds(events) == ["tool_call", "tool_result", "error"]
    assert (events[-1]["code"], events[-1]["retryable"]) == ("budget_spent", False)
    assert len(provider.requests(text)) == 1
    assert settled(client, 1)["cost_usd"] == 0.01


def test_a_key_without_a_budget_has_none(client):
    assert usage(client)["budget"] is None


def test_a_clients_own_key_costs_the_operator_nothing_and_is_bound_by_no_budget(new_client, provider):
    client = new_client(budget=Decimal("0.01"))
    client.ask(provider.script("spent before", [Uses(10, 0), Text(["gone"])]), app="scripted")
    settled(client, 1)
    mine, saved = {"client_id": "pays itself"}, {"provider": "openai", "api_key": "sk-own-0123456789"}
    assert client.post("/api/control/provider-keys", params=mine, json=saved).status_code == 200
    text = provider.script("by my own key", [Uses(500, 50), Text(["mine"])])
    with client.streaming("POST", "/api/chat", params=mine | {"app": "own"}, json={"text": text}) as stream:
        assert kinds(list(stream.events())) == ["text", "complete"]
    found = settled(client, 2)
    assert (found["own_key_calls"], found["input_tokens"], found["cost_usd"]) == (1, 510, 0.01)
    another = Client(client.url, client.headers["X-API-Key"])
    assert another.post("/api/chat", params={"app": "scripted"}, json={"text": "theirs"}).status_code == 402


def test_an_own_key_does_not_pay_where_the_operators_credentials_are_sent(new_client, provider):
    client = new_client(budget=Decimal("0.01"))
    client.ask(provider.script("spent at the gateway", [Uses(10, 0), Text(["gone"])]), app="gateway")
    settled(client, 1)
    junk = {"provider": "openai", "api_key": "sk-junk-0123456789-0123456789"}
    mine = {"client_id": "junk"}
    refused = client.post("/api/control/provider-keys", params=mine, json=junk)
    assert (refused.status_code, "No key of your own is used for openai here" in refused.json()["error"]) == (400, True)
    elsewhere = new_client()
    assert elsewhere.post("/api/control/provider-keys", params=mine, json=junk).status_code == 200
    sent = client.post("/api/chat", params=mine | {"app": "gateway"}, json={"text": "at whose cost"})
    assert (sent.status_code, provider.requests("at whose cost")) == (402, [])
    with elsewhere.streaming("POST", "/api/chat", params=mine | {"app": "gateway"}, json={"text": "mine"}) as stream:
        assert kinds(list(stream.events())) == ["text", "complete"]
    assert provider.requests("mine")[0].key == "Bearer sk-test-provider-key"
    assert settled(elsewhere, 1)["own_key_calls"] == 0


# The command


@pytest.fixture
def aomi(backend):
    def run(*args: str) -> subprocess.CompletedProcess[str]:
        return commands.aomi("usage", *args, environment=backend.environment)

    return run


def test_the_operator_sees_who_used_what(aomi, client, provider):
    client.ask(provider.script("for the operator", [Uses(1000, 200), Text(["a"])]), model="scripted")
    settled(client, 1)
    key_id = usage(client)["key"]
    (line,) = [line for line in aomi().stdout.splitlines() if line.startswith(key_id)]
    assert line.split() == [key_id, "usage", "1", "1", "1,000", "0", "200", "1.400000"]
    told = json.loads(aomi("--by", "session", "--full", "--json").stdout)
    (session,) = [one for one in told["by_session"] if one["session"] == client.session_id]
    assert session["cost_usd"] == 1.4
    assert aomi("--month", "2001-01").stdout == "Nothing was used from 2001-01-01 to 2001-01-31.\n"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--month", "november"), "has the form 2026-11"),
        (("--from", "monday"), "has the form 2026-11-24"),
        (("--month", "2026-11", "--from", "2026-11-01"), "Give --month, or --from and --to"),
    ],
)
def test_a_wrong_time_is_told_in_one_line(aomi, args, words):
    ran = aomi(*args)
    assert (ran.returncode, len(ran.stderr.splitlines())) == (2, 1)
    assert words in ran.stderr
