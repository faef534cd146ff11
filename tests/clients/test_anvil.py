"""Simulations on a real development chain, from what the widget asks to the transactions that its user then sends."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.clients import anvil
from tests.clients.anvil import CHAIN
from tests.support.client import PLAIN
from tests.support.gen1 import Gen1, said
from tests.support.servers import Calls, Text, answer_json, serving

pytestmark = pytest.mark.long

POOR = "0x" + "ee" * 20
COIN = 10**18

REASON = b"closed"
REVERTED = "08c379a0" + f"{32:064x}{len(REASON):064x}" + REASON.hex().ljust(64, "0")
DOOR = (
    "36601657"  # with call data: to `open`
    "600054601d57"  # if it is open: to `stop`
    "6064601f60003960646000fd"  # revert with `REVERTED`, which is behind the code
    "5b600160005500"  # open: store that it is
    "5b00" + REVERTED  # stop
)
"""A contract that can be entered only after it was opened."""

OPEN = "0x01"


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    with anvil.running(tmp_path_factory.mktemp("anvil") / "log") as running:
        yield running


@pytest.fixture(scope="module")
def door(chain):
    """The address of the contract."""
    size = len(DOOR) // 2
    copy = f"60{size:02x}600c60003960{size:02x}6000f3"
    return chain.send(**{"from": chain.accounts[0], "data": f"0x{copy}{DOOR}"})["contractAddress"]


@pytest.fixture(scope="module")
def url(backend, worker, chain):
    process, url = backend.web(AOMI_CHAIN_RPC=json.dumps({str(CHAIN): chain.url}))
    yield url
    process.stop()


@pytest.fixture
def gen1(url, key):
    gen1 = Gen1(url, key)
    gen1.call("POST", "/api/sessions", json={})
    return gen1


def simulate(gen1, sender, *transactions):
    body = {"transactions": list(transactions), "from": sender, "chain_id": CHAIN}
    return gen1.call("POST", "/api/simulate", json=body, headers=gen1.key)["result"]


def outcome(result):
    return [(step["success"], step["revert_reason"]) for step in result["steps"]]


def test_a_transfer_is_simulated_and_changes_nothing(gen1, chain):
    sender, to = chain.accounts[:2]
    before = chain.call("eth_blockNumber"), chain.call("eth_getBalance", to, "latest")
    result = simulate(gen1, sender, {"to": to, "value": str(COIN)})
    assert (result["batch_success"], result["network"], result["total_gas"]) == (True, f"eip155:{CHAIN}", 21000)
    assert result["fee"] == {"recipient": sender, "amount_wei": "1", "token": "native"}
    assert (chain.call("eth_blockNumber"), chain.call("eth_getBalance", to, "latest")) == before


def test_each_sees_what_those_before_it_did(gen1, chain, door):
    sender = chain.accounts[0]
    result = simulate(gen1, sender, {"to": door, "data": OPEN}, {"to": door})
    assert (result["stateful"], outcome(result)) == (True, [(True, None)] * 2)


def test_a_revert_is_told_with_its_reason_and_without_a_fee(gen1, chain, door):
    result = simulate(gen1, chain.accounts[0], {"to": chain.accounts[1]}, {"to": door}, {"to": door})
    assert outcome(result) == [(True, None), (False, "closed")]
    assert (result["batch_success"], "fee" in result) == (False, False)


def test_a_sender_without_the_funds_is_told_which_step_it_is(gen1, chain):
    to = chain.accounts[1]
    result = simulate(gen1, POOR, {"to": to}, {"to": to, "value": "1"}, {"to": to})
    assert [success for success, _ in outcome(result)] == [True, False]
    assert "insufficient funds" in result["steps"][1]["revert_reason"].lower()


def test_a_node_without_the_method_tries_each_on_its_own(backend, chain, door, key):
    def forward(request):
        body = request.rfile.read(int(request.headers["Content-Length"]))
        called = json.loads(body.replace(b"eth_simulateV1", b"eth_unknown"))
        answer_json(request, 200, httpx.post(chain.url, json=called, **PLAIN).json())

    with serving(forward) as older:
        process, url = backend.web(AOMI_CHAIN_RPC=older)
        gen1 = Gen1(url, key)
        gen1.call("POST", "/api/sessions", json={})
        sender, to = chain.accounts[:2]
        result = simulate(gen1, sender, {"to": to, "value": "1"}, {"to": door, "data": OPEN}, {"to": door})
        process.stop()
    assert (result["stateful"], outcome(result)) == (False, [(True, None), (True, None), (False, "closed")])
    assert result["steps"][0]["gas_used"] == 21000


def test_a_wallet_that_simulates_first_pays_and_the_model_is_told(gen1, chain, provider):
    sender, to = chain.accounts[2:4]
    asked = {"to": to, "value": str(COIN), "data": "0x", "chain_id": CHAIN, "label": "Pay one"}
    text = provider.script("pay after a simulation", [Calls([("SendTransactionToWallet", asked)])], [Text(["Sign."])])
    gen1.send(text, app="scripted", user_state={"address": sender, "chain_id": CHAIN, "is_connected": True})
    (pending,) = gen1.finish()["user_state"]["pending_txs"].values()
    result = simulate(gen1, sender, {name: pending[name] for name in ("to", "value", "data", "label", "chain_id")})
    fee = result["fee"]
    before = int(chain.call("eth_getBalance", to, "latest"), 16)
    paid = chain.send(**{"from": sender, "to": pending["to"], "value": hex(int(pending["value"]))})
    chain.send(**{"from": sender, "to": fee["recipient"], "value": hex(int(fee["amount_wei"]))})
    assert int(chain.call("eth_getBalance", to, "latest"), 16) == before + COIN
    done = {"txHash": paid["transactionHash"], "status": "success", "pending_tx_ids": [1]}
    told = f"[The client's answer to SendTransactionToWallet, request 1] {json.dumps(done, separators=(',', ':'))}"
    provider.script(told, [Text(["It is paid."])])
    gen1.system("wallet:tx_complete", done)
    assert said(gen1.finish())[-1] == ("agent", "It is paid.")
