"""`POST /api/simulate` as the published client sends it, on a web process with nodes."""

from __future__ import annotations

import pytest

from tests.support.gen1 import Gen1
from tests.support.nodes import CHAIN, SENDER, TO, ScriptedNode, error, running
from tests.support.patience import until

KEY = "k3y-in-the-address"
FEE = "0x" + "fe" * 20
PAY = {"to": TO, "value": "1500000000000000000", "data": "0x", "label": "Pay", "chain_id": CHAIN}
LIMIT = 3


@pytest.fixture(scope="module")
def node():
    with running(ScriptedNode()) as node:
        yield node


@pytest.fixture(scope="module")
def web(backend, node):
    """A web process whose nodes for chains 1 and 2 are of no use."""
    broken = ScriptedNode({"eth_chainId": error(-32000, f"customer {KEY} is unknown")})
    with running(broken):
        urls = {CHAIN: f"{node.url}/{KEY}", 1: f"{broken.url}/{KEY}", 2: f"http://{KEY}@127.0.0.1:1"}
        setting = "{" + ",".join(f'"{chain}": "{url}"' for chain, url in urls.items()) + "}"
        process, url = backend.web(
            AOMI_CHAIN_RPC=setting,
            AOMI_SIMULATION_FEE_RECIPIENT=FEE,
            AOMI_SIMULATION_FEE_WEI="1000",
            AOMI_REQUESTS_PER_MINUTE_SESSION=str(LIMIT),
            AOMI_LOG_CONTENT="1",
        )
        yield process, url
        process.stop()


@pytest.fixture
def gen1(web):
    gen1 = Gen1(web[1])
    gen1.call("POST", "/api/sessions", json={})
    return gen1


def simulate(gen1, *transactions, **more):
    body = {"transactions": list(transactions) or [PAY], "from": SENDER} | more
    return gen1.http.post("/api/simulate", json=body, headers=gen1.header)


def test_the_answer_has_what_the_widget_and_the_cli_read(gen1):
    answer = simulate(gen1, PAY, {"to": TO, "data": "0x01"} | {"chain_id": CHAIN})
    assert answer.status_code == 200, answer.text
    step = {"success": True, "result": "0x", "revert_reason": None, "gas_used": 21000}
    first = {"to": TO, "value_wei": "1500000000000000000", "value_eth": "1.5", "data": "0x"}
    assert answer.json() == {
        "result": {
            "batch_success": True,
            "stateful": True,
            "from": SENDER,
            "network": f"eip155:{CHAIN}",
            "total_gas": 42000,
            "steps": [
                {"step": 1, "label": "Pay", "tx": first} | step,
                {"step": 2, "label": "", "tx": {"to": TO, "value_wei": "0", "value_eth": "0", "data": "0x01"}} | step,
            ],
            "fee": {"recipient": FEE, "amount_wei": "1000", "token": "native"},
        }
    }


def test_a_batch_that_fails_has_no_fee_so_that_the_widget_asks_no_wallet(gen1, node):
    succeeds = node.answers["eth_simulateV1"]
    node.answers["eth_simulateV1"] = error(-38014, "insufficient funds")
    failed = simulate(gen1).json()["result"]
    node.answers["eth_simulateV1"] = succeeds
    assert (failed["batch_success"], "fee" in failed) == (False, False)
    assert [step["revert_reason"] for step in failed["steps"]] == ["insufficient funds"]


def test_what_the_request_leaves_out_is_in_the_user_state(gen1, node):
    gen1.poll(user_state={"address": SENDER, "chain_id": CHAIN, "is_connected": True})
    answer = simulate(gen1, {"to": TO}, **{"from": None})
    assert (answer.json()["result"]["from"], node.asked[-1][1][0]["blockStateCalls"][0]["calls"]) == (
        SENDER,
        [{"from": SENDER, "to": TO, "value": "0x0", "data": "0x"}],
    )


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"transactions": None}, "1 to 16 transactions"),
        ({"transactions": []}, "1 to 16 transactions"),
        ({"transactions": [PAY] * 17}, "1 to 16 transactions"),
        ({"transactions": [PAY | {"to": "http://127.0.0.1/"}]}, "40 hex digits"),
        ({"transactions": [PAY | {"value": "-1"}]}, "in wei"),
        ({"transactions": [PAY | {"value": "9" * 90}]}, "in wei"),
        ({"transactions": [PAY | {"data": "0x1"}]}, "`data`"),
        ({"transactions": [PAY | {"chain_id": "1"}]}, "`chain_id`"),
        ({"transactions": [PAY, PAY | {"chain_id": 1}]}, "several chains"),
        ({"from": "http://127.0.0.1/"}, "'from' must be an address"),
        ({"from": None}, "'from' must be the sender's address"),
        ({"transactions": [{"to": TO}], "chain_id": 7}, "on chain 7 cannot be simulated here"),
        ({"transactions": [{"to": TO}]}, "'chain_id' is needed: one of 1, 2, 31337"),
    ],
)
def test_a_request_that_is_wrong_is_refused_and_no_node_is_asked(gen1, node, body, words):
    asked = len(node.asked)
    answer = simulate(gen1, **body)
    assert (answer.status_code, words in answer.json()["error"]) == (400, True), answer.text
    assert len(node.asked) == asked


@pytest.mark.parametrize(("chain", "words"), [(1, "refused eth_chainId with JSON-RPC error"), (2, "cannot be reached")])
def test_a_node_that_fails_is_a_502_and_neither_it_nor_the_log_shows_the_address(gen1, web, chain, words):
    answer = simulate(gen1, PAY | {"chain_id": chain})
    assert (answer.status_code, words in answer.json()["error"]) == (502, True), answer.text
    until(lambda: words in web[0].log())
    assert KEY not in answer.text + web[0].log()
    assert "127.0.0.1" not in answer.text


def test_a_session_that_does_not_exist_is_404_and_limits_count_simulations(gen1, node):
    asked = len(node.asked)
    stranger = Gen1(gen1.url)
    assert simulate(stranger).status_code == 404
    assert len(node.asked) == asked
    codes = [simulate(gen1).status_code for _ in range(LIMIT)]  # the session's creation counted, too
    assert codes == [200] * (LIMIT - 1) + [429]


def test_an_address_that_is_wrong_ends_the_start_and_is_not_shown(tmp_path, monkeypatch):
    from app import config
    from app.errors import ConfigError

    file = tmp_path / "rpc"
    file.write_text(f"ftp://{KEY}.example\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AOMI_CHAIN_RPC_FILE", str(file))
    with pytest.raises(ConfigError, match="AOMI_CHAIN_RPC: it must be the http:// or https:// address") as refused:
        config.load()
    assert KEY not in str(refused.value)
    file.write_text(f"https://node.example/{KEY}\n")
    assert config.load().chain_urls == {0: f"https://node.example/{KEY}"}
    assert KEY not in repr(config.load())
