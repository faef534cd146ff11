"""A whole session as the published client keeps it, by node's own fetch: polls, SSE beside, wallet, interrupt."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

from tests.support import processes
from tests.support.patience import patient
from tests.support.programs import needed
from tests.support.servers import Calls, Silence, Text

SESSION = Path(__file__).parent / "gen1_session.mjs"
TX = {"to": "0x" + "cd" * 20, "label": "Pay", "value": "5"}


def drive(url, key, *turns):
    arguments = [needed("node"), str(SESSION), url, str(uuid.uuid4()), key, json.dumps(turns)]
    ran = processes.run(arguments, seconds=90)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_a_polling_session_comes_to_the_end_of_tools_a_wallet_round_trip_and_an_interrupt(webs, key, provider):
    provider.script("node: tools", [Text(["Let me see. "]), Calls([("Add", {"a": 2})])], [Text(["It is three."])])
    asks = provider.script("node: wallet", [Calls([("SendTransactionToWallet", TX)])], [Text(["Please sign."])])
    answer = {"txHash": "0x" + "ab" * 32, "status": "success", "pending_tx_ids": [1]}
    told = json.dumps(answer, separators=(",", ":"))
    follow_up = f"[The client's answer to SendTransactionToWallet, request 1] {told}"
    provider.script(follow_up, [Silence(0.7), Text(["It is paid."])])
    provider.script("node: long", [Text(["so far so good"]), Silence()])
    provider.script("node: after", [Text(["still here"])])
    saw = drive(
        webs[0],
        key,
        {"message": "node: tools"},
        {"message": asks},
        {"message": "node: long", "stopAt": "so far"},
        {"message": "node: after"},
    )
    assert saw["answers"] == {
        "node: tools": "It is three.",
        "node: wallet": "It is paid.",
        "node: long": "so far so good",
        "node: after": "still here",
    }
    assert saw["signed"] == [{"id": 1, "data": "0x", "chain_id": 1} | TX]
    assert saw["announced"] == [1]
    assert provider.requests("node: long")[0].hung_up.wait(patient(10))
    assert len(provider.requests(follow_up)) == 1
    assert saw["user_state"]["ext"] == {"client_type": "test"}
    assert (saw["user_state"]["pending_txs"], saw["errors"]) == ({}, [])
    kinds = [event["type"] for event in saw["sse"]]
    assert "title_changed" in kinds
    assert kinds.count("wallet_tx_request") == 1
    assert [message["content"] for message in saw["messages"] if message["sender"] == "user"] == list(saw["answers"])
