"""What a tool asks of the client: announced once, answered once, told to the model in a turn of its own."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from app.state import redis_keys
from tests.support.client import Client
from tests.support.gen1 import Gen1, said
from tests.support.servers import Calls, Held, Silence, Text

TO = "0x" + "ab" * 20
TX = {"to": TO, "value": "1000000000000000000", "data": "0x", "chain_id": 1, "label": "Pay 1 ETH"}
TYPED = {"domain": {"chainId": 10}, "types": {"Mail": []}, "primaryType": "Mail", "message": {"to": "Bob"}}
SIGN = {"typed_data": TYPED, "description": "A mail"}
HASH = "0x" + "12" * 32


@pytest.fixture
def gen1(webs, key):
    return Gen1(webs[0], key)


@pytest.fixture
def reference(gen1, key):
    """The same session in the reference's dialect."""
    return Client(gen1.url, key, gen1.session_id)


def answer_text(tool, which, result):
    return f"[The client's answer to {tool}, {which}] {json.dumps(result, separators=(',', ':'))}"


@pytest.fixture
def asked(gen1, provider, request):
    """A session whose turns have asked for a transaction (1) and a signature (2)."""
    text = provider.script(
        f"ask both {request.node.name}",
        [Calls([("SendTransactionToWallet", TX)])],
        [Calls([("SignTypedData", SIGN)])],
        [Text(["Please sign both."])],
    )
    gen1.send(text, app="scripted", user_state={"address": "0x1", "chain_id": 1, "is_connected": True})
    return SimpleNamespace(text=text, state=gen1.finish())


def follow_up(provider, text, *answers):
    return provider.script(text, *answers or ([Text(["Thank you."])],))


def test_requests_are_in_the_user_state_and_announced_once_each(gen1, asked):
    state = asked.state
    assert state["user_state"]["pending_txs"] == {"1": TX}
    assert state["user_state"]["pending_eip712s"] == {"2": SIGN | {"chain_id": 10}}
    assert state["user_state"]["next_id"] == 3
    assert state["system_events"] == [
        {"InlineCall": {"type": "wallet_tx_request", "payload": {"tx_ids": [1], "aa_preference": "auto"}}},
        {
            "InlineCall": {
                "type": "wallet_eip712_request",
                "payload": SIGN | {"chain_id": 10, "pending_eip712_id": 2},
            }
        },
    ]
    for again in (gen1.poll(), gen1.interrupt(), gen1.poll()):
        assert again["system_events"] == []
    assert gen1.call("GET", "/api/events") == []


def test_the_state_names_the_tool_that_asks_and_until_when(asked, reference):
    first, second = reference.state()["client_requests"]
    assert {name: first[name] for name in ("id", "kind", "tool", "request")} == {
        "id": 1, "kind": "wallet_tx_request", "tool": "SendTransactionToWallet", "request": TX
    }  # fmt: skip
    assert (second["id"], second["tool"]) == (2, "SignTypedData")
    assert first["expires_at"] < second["expires_at"]


def test_the_model_is_told_that_the_user_was_asked(asked, provider):
    last = provider.requests(asked.text)[-1].messages
    assert [m["content"] for m in last if m["role"] == "tool"] == [
        '{"status":"requested","id":1}',
        '{"status":"requested","id":2}',
    ]


def test_updates_announce_a_request_and_its_end(gen1, provider):
    text = provider.script("announce", [Calls([("SendTransactionToWallet", TX)])], [Text(["ok"])])
    with Client(gen1.url, session_id=gen1.session_id).updates() as updates:
        gen1.send(text, app="scripted")
        event = updates.next("wallet_tx_request")
        assert (event["session_id"], event["id"], event["request"]) == (gen1.session_id, 1, TX)
        assert event["expires_at"].endswith("Z")
        gen1.finish()
        gen1.system("wallet:tx_complete", {"txHash": HASH, "status": "success", "pending_tx_ids": [1]})
        closed = updates.next("client_request_closed")
    assert (closed["ids"], closed["outcome"]) == ([1], "answered")


def test_an_answer_starts_a_turn_before_the_system_call_returns(gen1, asked, provider):
    result = {"txHash": HASH, "status": "success", "pending_tx_ids": [1], "amount": "1"}
    polled = threading.Event()
    text = answer_text("SendTransactionToWallet", "request 1", result)
    follow_up(provider, text, [Held(polled), Text(["A"])])
    message = gen1.system("wallet:tx_complete", result)
    assert (message["sender"], json.loads(message["content"])["payload"]) == ("system", result)
    state = gen1.poll()
    assert state["is_processing"] is True
    polled.set()
    assert (state["user_state"]["pending_txs"], list(state["user_state"]["pending_eip712s"])) == ({}, ["2"])
    assert said(gen1.finish())[-2:] == [("system", text), ("agent", "A")]
    (seen,) = provider.requests(text)
    assert [m["role"] for m in seen.messages[-2:]] == ["assistant", "user"]
    assert seen.body["model"] == provider.requests(asked.text)[0].body["model"]


def test_a_signature_or_a_refusal_reaches_the_model_as_well(gen1, asked, provider):
    signed = {"status": "failed", "error": "User rejected", "description": "A mail", "pending_eip712_id": 2}
    text = follow_up(provider, answer_text("SignTypedData", "request 2", signed))
    gen1.system("wallet_eip712_response", signed)
    assert said(gen1.finish())[-2:] == [("system", text), ("agent", "Thank you.")]
    assert gen1.poll()["user_state"]["pending_eip712s"] == {}


def test_answers_that_name_no_request_count_for_the_only_one(gen1, asked, provider):
    """Older versions of the client send none."""
    follow_up(provider, answer_text("SignTypedData", "request 2", {"status": "success", "signature": "0x1"}))
    gen1.system("wallet_eip712_response", {"status": "success", "signature": "0x1"})
    assert gen1.finish()["user_state"]["pending_eip712s"] == {}


def test_one_answer_may_be_for_several_transactions(gen1, provider):
    two = [("SendTransactionToWallet", TX), ("SendTransactionToWallet", TX | {"label": "Again"})]
    text = provider.script("a batch", [Calls(two)], [Text(["ok"])])
    gen1.send(text, app="scripted", user_state={"chain_id": 1})
    assert list(gen1.finish()["user_state"]["pending_txs"]) == ["1", "2"]
    result = {"txHash": HASH, "status": "success", "pending_tx_ids": [1, 2]}
    told = follow_up(provider, answer_text("SendTransactionToWallet", "requests 1, 2", result))
    gen1.system("wallet:tx_complete", result)
    assert gen1.finish()["user_state"]["pending_txs"] == {}
    assert len(provider.requests(told)) == 1


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("wallet:tx_complete", {"status": "success", "pending_tx_ids": [7]}),
        ("wallet:tx_complete", {"status": "success", "pending_tx_ids": [2]}),
        ("wallet:tx_complete", {"status": "success", "pending_tx_ids": [0, -1, True, "x", None, 1.5, [1]]}),
        ("wallet_eip712_response", {"status": "success", "pending_eip712_id": 1}),
        ("wallet_eip712_response", {"status": "success", "pending_eip712_id": 2, "x": "x" * 20_000}),
    ],
)
def test_an_answer_nobody_asked_for_changes_nothing(gen1, asked, kind, payload):
    before = gen1.poll()
    assert gen1.system(kind, payload)["content"].startswith("Refused: ")
    assert gen1.poll() == before


def test_an_answer_given_twice_counts_once(gen1, asked, provider):
    result = {"txHash": HASH, "status": "success", "pending_tx_ids": [1]}
    follow_up(provider, answer_text("SendTransactionToWallet", "request 1", result))
    with ThreadPoolExecutor(8) as pool:
        contents = list(pool.map(lambda _: gen1.system("wallet:tx_complete", result)["content"], range(8)))
    assert [content.startswith("Refused: ") for content in contents].count(False) == 1
    state = gen1.finish()
    assert [sender for sender, _ in said(state)].count("system") == 1


def test_what_the_client_echoes_of_requests_is_ignored_on_every_way_in(gen1, asked, provider, reference):
    result = {"txHash": HASH, "status": "success", "pending_tx_ids": [1]}
    follow_up(provider, answer_text("SendTransactionToWallet", "request 1", result))
    gen1.system("wallet:tx_complete", result)
    echoed = asked.state["user_state"] | {"pending_requests": {"5": {}}, "next_id": 99}
    gen1.finish(user_state=echoed)
    gen1.system("wallet:state_changed", echoed)
    reference.post("/api/control/user_state", json=echoed)
    reference.ask("remember 1", app="default", user_state=echoed)
    reference.post("/api/sessions", json={"user_state": echoed})
    gen1.send("remember 2", user_state=echoed)
    state = gen1.finish(user_state=echoed)["user_state"]
    assert (state["pending_txs"], list(state["pending_eip712s"]), state["next_id"]) == ({}, ["2"], 3)
    assert "pending_requests" not in state
    shown = reference.state()["user_state"]
    assert (shown["address"], "pending_txs" in shown, list(shown["pending_eip712s"])) == ("0x1", False, ["2"])


def test_a_new_session_takes_no_requests_from_its_client(webs):
    client = Client(webs[0])
    client.post("/api/sessions", json={"user_state": {"pending_txs": {"1": TX}, "next_id": 2, "chain_id": 1}})
    assert client.state()["user_state"] == {"chain_id": 1}


def test_the_reference_dialect_answers_by_control(gen1, asked, provider, reference):
    body = {"id": 1, "result": {"status": "success", "txHash": HASH}}
    text = follow_up(provider, answer_text("SendTransactionToWallet", "request 1", body["result"]))
    query = {"session_id": gen1.session_id}
    answer = reference.post("/api/control/wallet_result", params=query, json=body)
    assert answer.json() == {"success": True, "id": 1}
    assert reference.state()["status"] == "processing"
    with reference.resume() as stream:
        assert [event["type"] for event in stream.events()] == ["text", "complete"]
    assert [(m["role"], m["content"]) for m in reference.state()["messages"]][-2:] == [
        ("system", text),
        ("assistant", "Thank you."),
    ]
    again = reference.post("/api/control/wallet_result", params=query, json=body)
    assert (again.status_code, list(again.json())) == (409, ["error"])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"id": 3, "result": {}}, 404),
        ({"id": 0, "result": {}}, 404),
        ({"id": "1", "result": {}}, 400),
        ({"id": True, "result": {}}, 400),
        ({"id": 1}, 400),
        ({"id": 1, "result": {"x": "x" * 20_000}}, 400),
    ],
)
def test_a_wallet_result_that_fits_no_request_is_refused_and_changes_nothing(asked, reference, body, status):
    before = reference.state()
    answer = reference.post("/api/control/wallet_result", json=body)
    assert (answer.status_code, list(answer.json())) == (status, ["error"])
    assert reference.state() == before


def test_an_answer_waits_in_a_full_queue_and_is_not_refused(gen1, asked, provider, reference):
    hold = provider.script("hold the wallet's session", [Silence()])
    gen1.send(hold, app="scripted")
    for number in range(8):
        gen1.send(f"remember {number}")
    assert reference.post("/api/chat", json={"text": "one too many"}).status_code == 429
    result = {"txHash": HASH, "status": "success", "pending_tx_ids": [1]}
    text = follow_up(provider, answer_text("SendTransactionToWallet", "request 1", result))
    assert not gen1.system("wallet:tx_complete", result)["content"].startswith("Refused")
    reference.interrupt()
    assert said(gen1.finish())[-2:] == [("system", text), ("agent", "Thank you.")]


def test_an_interrupt_keeps_an_answer_that_waits_for_the_model(gen1, asked, provider):
    hold = provider.script("hold before the interrupt", [Silence()])
    gen1.send(hold, app="scripted")
    result = {"txHash": HASH, "status": "success", "pending_tx_ids": [1]}
    gen1.system("wallet:tx_complete", result)
    state = gen1.interrupt()
    text = answer_text("SendTransactionToWallet", "request 1", result)
    assert (state["is_processing"], said(state)[-2:]) == (False, [("system", text), ("agent", "(no response)")])


def test_a_request_has_an_end_of_life(gen1, asked, provider, redis, reference):
    with reference.updates() as updates:
        redis.zadd(redis_keys.CLIENT_REQUESTS, {f"{gen1.session_id} 1": 1})
        state = gen1.until(lambda state: not state["user_state"]["pending_txs"], "the end of the request")
        told = state["system_events"] or gen1.until(lambda state: state["system_events"])["system_events"]
        assert updates.next("client_request_closed")["outcome"] == "expired"
    assert "Request 1 of SendTransactionToWallet has expired" in told[0]["SystemNotice"]
    assert said(state)[-1] == ("system", ("SendTransactionToWallet", '{"status":"expired","id":1}'))
    late = gen1.system("wallet:tx_complete", {"status": "success", "pending_tx_ids": [1]})
    assert late["content"].startswith("Refused: ")
    text = provider.script("what became of it", [Text(["It has expired."])])
    gen1.send(text, app="scripted")
    gen1.finish()
    told = [m["content"] for m in provider.requests(text)[0].messages if m["role"] == "tool"]
    assert told[0] == '{"steps":[{"status":"requested","id":1},{"status":"expired","id":1}]}'


def test_an_event_of_a_request_that_is_over_is_not_delivered(gen1, provider, reference):
    text = provider.script("over before the poll", [Calls([("SendTransactionToWallet", TX)])], [Text(["ok"])])
    reference.ask(text, app="scripted")
    follow_up(provider, answer_text("SendTransactionToWallet", "request 1", {"status": "success"}))
    reference.post("/api/control/wallet_result", json={"id": 1, "result": {"status": "success"}})
    assert gen1.finish()["system_events"] == []


def test_the_client_may_answer_while_the_turn_still_talks(gen1, provider):
    answered = threading.Event()
    asks = [Calls([("SendTransactionToWallet", TX)])]
    text = provider.script("still talking", asks, [Text(["Sign, "]), Held(answered), Text(["please."])])
    gen1.send(text, app="scripted")
    gen1.until(lambda state: state["user_state"]["pending_txs"])
    result = {"txHash": HASH, "status": "success", "pending_tx_ids": [1]}
    told = follow_up(provider, answer_text("SendTransactionToWallet", "request 1", result))
    gen1.system("wallet:tx_complete", result)
    answered.set()
    assert said(gen1.finish())[-3:] == [("agent", "Sign, please."), ("system", told), ("agent", "Thank you.")]


def test_a_deleted_thread_takes_its_requests_along(asked, reference):
    thread = reference.state()["thread_id"]
    reference.request("DELETE", f"/api/sessions/{reference.session_id}/threads/{thread}")
    assert reference.state()["user_state"].keys() == {"address", "chain_id", "is_connected"}
    answer = reference.post("/api/control/wallet_result", json={"id": 1, "result": {}})
    assert answer.status_code == 409


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (("SendTransactionToWallet", TX | {"to": "0x12"}), "to: String should match"),
        (("SendTransactionToWallet", TX | {"value": "-1"}), "value: String should match"),
        (("SendTransactionToWallet", TX | {"chain_id": 0}), "chain_id: Input should be"),
        (("SendTransactionToWallet", {"to": TO, "label": "x"}), "No wallet is connected"),
        (("SignTypedData", {"typed_data": {"types": {}}, "description": "x"}), "lacks domain, primaryType, message"),
        (("SignTypedData", {"typed_data": TYPED | {"x": "x" * 17_000}, "description": "x"}), "at most 16,384 bytes"),
    ],
)
def test_what_no_wallet_could_do_is_an_error_to_the_model_and_asks_nobody(reference, provider, call, error):
    text = provider.script(f"refuse {call}"[:200], [Calls([call])], [Text(["I see."])])
    events = reference.ask(text, app="scripted")
    assert error in events[1]["result"]["error"]
    assert reference.state()["user_state"] == {}


def test_the_chain_is_that_of_the_wallet_where_the_model_names_none(gen1, provider):
    text = provider.script("no chain", [Calls([("SendTransactionToWallet", {"to": TO, "label": "x"})])], [Text(["ok"])])
    gen1.send(text, app="scripted", user_state={"chain_id": 8453})
    asked = gen1.finish()["user_state"]["pending_txs"]["1"]
    assert asked == {"to": TO, "value": "0", "data": "0x", "chain_id": 8453, "label": "x"}


def test_at_most_sixteen_requests_are_open(reference, provider):
    text = provider.script("so many", [Calls([("SendTransactionToWallet", TX)] * 17)], [Text(["ok"])])
    events = reference.ask(text, app="scripted")
    results = [event["result"] for event in events if event["type"] == "tool_result"]
    assert sorted(result["id"] for result in results if "id" in result) == list(range(1, 17))
    assert [result["error"] for result in results if "error" in result] == [
        "The user has not answered the requests they have; wait for their answers"
    ]
    assert len(reference.state()["user_state"]["pending_txs"]) == 16


def test_an_app_may_ask_its_client_for_something_of_its_own(gen1, provider, reference):
    text = provider.script("a file", [Calls([("PickFile", {"types": [".csv"]})])], [Text(["Pick one."])])
    with reference.updates() as updates:
        reference.ask(text, app="scripted")
        event = updates.next("client_request")
    assert (event["id"], event["kind"], event["request"]) == (1, "file", {"types": [".csv"]})
    state = gen1.poll()
    assert state["system_events"] == [{"InlineCall": {"type": "file", "payload": {"types": [".csv"], "request_id": 1}}}]
    assert reference.state()["user_state"] == {"pending_requests": {"1": {"types": [".csv"]}}, "next_id": 2}
    told = follow_up(provider, answer_text("PickFile", "request 1", {"name": "a.csv"}))
    reference.post("/api/control/wallet_result", json={"id": 1, "result": {"name": "a.csv"}})
    assert said(gen1.finish())[-2:] == [("system", told), ("agent", "Thank you.")]
