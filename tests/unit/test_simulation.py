"""Simulations on a node that answers as it should, and on nodes that do not. Real connections, no backend."""

from __future__ import annotations

import ssl
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from app import chain_urls
from app.chain import reverts
from app.chain.simulation import Simulator, Transaction
from app.errors import BadGateway, BadRequest, Overloaded
from app.limited_http import MAX_BYTES, trusted
from tests.support.backend import free_port
from tests.support.engines import Certificates
from tests.support.nodes import CHAIN, SENDER, TO, ScriptedNode, error, result, running
from tests.support.patience import patient
from tests.support.servers import serving

KEY = "k3y-in-the-address"
PAY = Transaction(TO, 5)
CLOSED = "0x08c379a0" + f"{32:064x}{6:064x}" + b"closed".hex().ljust(64, "0")


@pytest.fixture
def node():
    with running(ScriptedNode()) as node:
        yield node


def simulate(node, *transactions, chain=CHAIN, seconds=None):
    urls = {chain_urls.ANY_CHAIN: f"{node.url}/{KEY}"}
    return Simulator(urls, seconds or patient(30), 4).simulate(chain, SENDER, transactions or (PAY,))


def call(status="0x1", data="0x", **more):
    return {"status": status, "returnData": data, "gasUsed": "0x5208"} | more


def test_transactions_are_simulated_together_in_order(node):
    simulation = simulate(node, PAY, Transaction(TO, 0, "0x01"))
    assert (simulation.chain_id, simulation.stateful) == (CHAIN, True)
    assert [(step.success, step.gas_used) for step in simulation.steps] == [(True, 21000)] * 2
    calls = [{"from": SENDER, "to": TO, "value": "0x5", "data": "0x"}]
    calls += [{"from": SENDER, "to": TO, "value": "0x0", "data": "0x01"}]
    assert node.asked[1:] == [("eth_simulateV1", [{"blockStateCalls": [{"calls": calls}]}, "latest"])]


@pytest.mark.parametrize(
    "failed",
    [call("0x0", CLOSED, error={"code": -3200, "message": "failed"}), call("0x0", error={"code": 3, "data": CLOSED})],
)
def test_the_steps_end_with_the_first_that_fails_and_its_reason(node, failed):
    node.answers["eth_simulateV1"] = result([{"calls": [call(), failed, call()]}])
    steps = simulate(node, PAY, PAY, PAY).steps
    assert [(step.success, step.revert_reason) for step in steps] == [(True, ""), (False, "closed")]


def test_of_a_batch_that_is_rejected_as_a_whole_the_step_that_cannot_begin_is_found(node):
    accepted = node.answers["eth_simulateV1"]
    poor = error(-38014, "insufficient funds for gas * price + value")
    node.answers["eth_simulateV1"] = lambda params: (
        poor(params) if len(params[0]["blockStateCalls"][0]["calls"]) > 1 else accepted(params)
    )
    steps = simulate(node, PAY, PAY, PAY).steps
    assert [step.success for step in steps] == [True, False]
    assert steps[1].revert_reason == "insufficient funds for gas * price + value"


@pytest.mark.parametrize("code", [-32601, -32004, -32600])
def test_without_the_method_each_is_tried_on_its_own(node, code):
    node.answers |= {
        "eth_simulateV1": error(code, "Unsupported method: eth_simulateV1"),
        "eth_call": lambda params: (
            error(3, "reverted", CLOSED)(params) if params[0]["data"] == "0x01" else result("0x")(params)
        ),
        "eth_estimateGas": result("0x5208"),
    }
    simulation = simulate(node, PAY, Transaction(TO, 0, "0x01"), PAY)
    assert not simulation.stateful
    assert [(step.gas_used, step.revert_reason) for step in simulation.steps] == [(21000, ""), (0, "closed")]


def test_a_login_in_the_address_is_sent_as_a_header(node):
    url = node.url.replace("://", "://user:p%40ss@")
    Simulator({CHAIN: url}, patient(30), 1).simulate(CHAIN, SENDER, [PAY])
    assert node.headers["Authorization"] == "Basic dXNlcjpwQHNz"


def test_a_node_is_asked_over_tls_by_whom_the_system_trusts(tmp_path, monkeypatch):
    certificates, node = Certificates(tmp_path), ScriptedNode()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificates.certificate, certificates.key)
    with serving(node.handle, tls) as node.url:
        with pytest.raises(BadGateway, match="cannot be reached"):
            simulate(node)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
        trusted.cache_clear()
        assert simulate(node).stateful
    trusted.cache_clear()


# Nodes that fail


def closed(request):
    request.close_connection = True


def hangs(request):
    request.connection.recv(1)  # until the client has gone


def drips(request):
    request.connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        request.connection.settimeout(0.02)
        try:
            if not request.connection.recv(1):
                return
        except TimeoutError:
            request.connection.sendall(b"x")


def floods(request):
    request.send_response(200)
    request.send_header("Content-Length", str(100 * MAX_BYTES))
    request.end_headers()
    try:
        for _ in range(100):
            request.wfile.write(b"1" * MAX_BYTES)
    except OSError:
        request.close_connection = True


def text(status, body, **headers):
    def answer(request):
        request.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)

    return answer


@pytest.mark.parametrize(
    ("raw", "seconds", "words"),
    [
        (closed, None, "cannot be reached"),
        (hangs, 0.3, r"did not answer within 0\.3 s"),
        (drips, 0.3, r"did not answer within 0\.3 s"),
        (floods, None, "sent more than 1 MiB"),
        (text(401, b"Unauthorized: k3y"), None, "HTTP status 401"),
        (text(200, b"<html>"), None, "not JSON-RPC"),
        (text(200, b"[" * 100_000), None, "not JSON-RPC"),
        (text(200, b"{}"), None, "not JSON-RPC"),
    ],
)
def test_a_node_that_fails_is_an_error_within_the_limits(node, caplog, raw, seconds, words):
    node.raw = raw
    with pytest.raises(BadGateway, match=words) as failure:
        simulate(node, seconds=seconds)
    assert "k3y" not in str(failure.value) + caplog.text
    assert "AOMI_CHAIN_RPC" in caplog.text


def test_a_node_that_is_away_is_an_error():
    with pytest.raises(BadGateway, match="cannot be reached"):
        Simulator({CHAIN: f"http://127.0.0.1:{free_port()}"}, patient(30), 1).simulate(CHAIN, SENDER, [PAY])


def test_a_redirect_is_not_followed(node):
    reached = []
    with serving(reached.append) as elsewhere:
        node.raw = text(307, b"", Location=elsewhere)
        with pytest.raises(BadGateway, match="HTTP status 307"):
            simulate(node)
    assert reached == []


def test_a_long_code_of_an_error_is_not_quoted(node):
    node.answers["eth_simulateV1"] = error(10**100, "no")
    with pytest.raises(BadGateway, match="JSON-RPC error 0"):
        simulate(node)


@pytest.mark.parametrize("code", [-32000, -32005, -32600, -32602])
def test_a_node_that_refuses_to_work_is_not_quoted(node, caplog, code):
    node.answers["eth_simulateV1"] = error(code, "customer k3y has used up its plan")
    with pytest.raises(BadGateway, match=f"refused eth_simulateV1 with JSON-RPC error {code}") as failure:
        simulate(node)
    assert "k3y" not in str(failure.value) + caplog.text


NO_HEX = {"status": "0x1", "gasUsed": "0x1", "returnData": "<script>"}


@pytest.mark.parametrize(
    "answer", [None, "0x1", [], [{}], [{"calls": []}], [{"calls": [{"status": 1}]}], [{"calls": [NO_HEX]}]]
)
def test_a_result_that_cannot_be_read_is_an_error(node, answer):
    node.answers["eth_simulateV1"] = result(answer)
    with pytest.raises(BadGateway, match="cannot be read"):
        simulate(node)


# Chains


def test_a_node_on_another_chain_is_not_used(node):
    with pytest.raises(BadRequest, match=f"chain 1 cannot be simulated here; on chain {CHAIN}"):
        simulate(node, chain=1)
    with pytest.raises(BadGateway, match=f"node for chain 1 is on chain {CHAIN}"):
        Simulator({1: node.url}, patient(30), 1).simulate(1, SENDER, [PAY])
    assert [method for method, _ in node.asked] == ["eth_chainId"] * 2


def test_a_chain_without_a_node_is_refused_and_no_node_is_asked(node):
    simulator = Simulator({CHAIN: node.url, 1: node.url}, patient(30), 1)
    with pytest.raises(BadRequest, match=f"on chain 2 cannot be simulated here; on these they can: 1, {CHAIN}"):
        simulator.simulate(2, SENDER, [PAY])
    with pytest.raises(BadRequest, match=f"'chain_id' is needed: one of 1, {CHAIN}"):
        simulator.simulate(None, SENDER, [PAY])
    assert node.asked == []


def test_the_only_chain_need_not_be_named(node):
    assert simulate(node, chain=None).chain_id == CHAIN
    assert Simulator({CHAIN: node.url}, patient(30), 1).simulate(None, SENDER, [PAY]).chain_id == CHAIN


def test_only_so_many_run_at_once(node):
    begun, go_on = threading.Event(), threading.Event()

    def held(request):
        begun.set()
        go_on.wait(patient(30))
        request.close_connection = True

    node.raw = held
    simulator = Simulator({CHAIN: node.url}, patient(60), 1)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(simulator.simulate, CHAIN, SENDER, [PAY])
        assert begun.wait(patient(30))
        with pytest.raises(Overloaded):
            simulator.simulate(CHAIN, SENDER, [PAY])
        go_on.set()
        assert isinstance(first.exception(patient(30)), BadGateway)
    node.raw = None
    assert simulator.simulate(CHAIN, SENDER, [PAY]).stateful


# The setting, and reasons


@pytest.mark.parametrize(
    ("setting", "urls"),
    [
        (" http://127.0.0.1:8545 ", {0: "http://127.0.0.1:8545"}),
        (
            '{"1": "https://a.example/k", "8453": "https://b.example"}',
            {1: "https://a.example/k", 8453: "https://b.example"},
        ),
    ],
)
def test_the_setting_has_one_address_or_one_for_each_chain(setting, urls):
    assert chain_urls.read(setting) == urls


@pytest.mark.parametrize(
    "setting",
    [
        "",
        "k3y",
        "ftp://k3y.example",
        "http://",
        "http://k3y.example:99999",
        "https://k3y.example/a b",
        "{k3y",
        "{}",
        '{"0": "https://k3y.example"}',
        '{"mainnet": "https://k3y.example"}',
        '{"1": "k3y"}',
        '{"1": null}',
    ],
)
def test_a_setting_that_is_wrong_says_what_is_right_and_quotes_nothing(setting):
    with pytest.raises(ValueError, match="must") as refused:
        chain_urls.read(setting)
    assert "k3y" not in str(refused.value)


@pytest.mark.parametrize(
    ("data", "message", "reason"),
    [
        (CLOSED, "execution reverted: closed", "closed"),
        (f"0x4e487b71{0x11:064x}", "", "panic 0x11 (arithmetic overflow)"),
        (f"0x4e487b71{0x99:064x}", "", "panic 0x99"),
        ("0xdeadbeef", "", "the contract's error 0xdeadbeef"),
        ("0x", "execution\nreverted\x1b[2J", "execution reverted [2J"),
        ("", "", "execution reverted"),
        ("0xzz", "out of gas", "out of gas"),
        ("0x08c379a0", "short", "short"),
        (f"0x08c379a0{2**255:064x}", "far", "far"),
        (f"0x08c379a0{32:064x}{2**255:064x}", "long", "long"),
        ("", "x" * 1000, "x" * reverts.REASON_CHARACTERS),
    ],
)
def test_a_reason_is_one_line_whatever_a_contract_says(data, message, reason):
    assert reverts.reason(data, message) == reason
