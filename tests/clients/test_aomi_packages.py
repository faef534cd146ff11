"""Aomi's own packages, as they are published, against the real stack and a development chain.

They are in no lock file, because not every registry has them. Where they are, install them beside the programs of this
folder, or name the folder whose node_modules has them in AOMI_PACKAGES:

npm install --no-save --legacy-peer-deps @aomi-labs/client@0.1.31 @aomi-labs/react@0.3.14 @aomi-labs/widget-lib@1.2.10 \
    react@19 react-dom@19 @assistant-ui/react@0.11 jsdom esbuild viem
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.clients import anvil
from tests.clients.anvil import CHAIN
from tests.clients.npm import HERE
from tests.support import processes
from tests.support.programs import needed
from tests.support.servers import Calls, Text

FOLDER = Path(os.environ.get("AOMI_PACKAGES") or HERE)
PACKAGES = FOLDER / "node_modules/@aomi-labs"
OWN_KEY = "sk-own-0123456789abcdef-of-the-page"
COIN = 10**18

pytestmark = pytest.mark.skipif(not PACKAGES.exists(), reason="Aomi's packages are not installed; see this module")


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    with anvil.running(tmp_path_factory.mktemp("anvil") / "log") as running:
        yield running


@pytest.fixture(scope="module")
def url(backend, worker, chain):
    process, url = backend.web(AOMI_CHAIN_RPC=chain.url, AOMI_CORS_ORIGINS="*")
    yield url
    process.stop()


@pytest.fixture
def balance(chain):
    return lambda address: int(chain.call("eth_getBalance", address, "latest"), 16)


def asking_to_pay(provider, text, to, value):
    """A message that makes the model ask for a payment."""
    asked = {"to": to, "value": str(value), "data": "0x", "chain_id": CHAIN, "label": "Pay one"}
    return provider.script(text, [Calls([("SendTransactionToWallet", asked)])], [Text(["Please sign."])])


def answer_told(provider, to):
    """The request to the model that has the wallet's answer about the payment to this address."""
    (told,) = [
        seen
        for seen in provider.seen
        if "answer to SendTransactionToWallet" in str(seen.messages[-1]) and to in str(seen.messages)
    ]
    return told


def page(url, chain, key, address, message):
    """What happens on a page of Aomi's React runtime and widget, up to the model's `ok` to the wallet's answer."""
    given = {"url": url, "key": key, "chain": chain.url, "chainId": CHAIN, "address": address, "ownKey": OWN_KEY}
    script = [
        needed("node"),
        str(HERE / "aomi_page.mjs"),
        str(FOLDER),
        json.dumps(given | {"message": message, "last": "ok"}),
    ]
    ran = processes.run(script, seconds=90)
    assert ran.returncode == 0, ran.stderr
    saw = json.loads(ran.stdout.splitlines()[-1])
    assert "error" not in saw, saw
    return saw


def test_the_page_uses_its_own_key_and_signs_what_was_simulated(url, chain, key, provider, balance):
    address, to = chain.accounts[4:6]
    text = asking_to_pay(provider, "the page pays", to, COIN)
    before = balance(to)
    saw = page(url, chain, key, address, text)
    assert [one["status"] for one in saw["simulated"]] == [200]
    assert [(call["to"].lower(), int(call["value"], 16)) for call in saw["calls"]] == [(to, COIN), (address, 1)]
    assert balance(to) == before + COIN
    told = answer_told(provider, to)
    assert '"status":"success"' in told.messages[-1]["content"]
    assert {seen.key for seen in (told, *provider.requests(text))} == {f"Bearer {OWN_KEY}"}


def test_the_page_asks_no_wallet_for_what_would_fail(url, chain, key, provider):
    address, to = chain.accounts[5:7]
    saw = page(url, chain, key, address, asking_to_pay(provider, "the page pays too much", to, 10**9 * COIN))
    assert ([one["status"] for one in saw["simulated"]], saw["calls"]) == ([200], [])
    assert '"status":"failed"' in answer_told(provider, to).messages[-1]["content"]


def test_the_cli_simulates_and_signs(url, chain, key, provider, balance, tmp_path):
    to = chain.accounts[8]
    text = asking_to_pay(provider, "the cli pays", to, COIN)
    settings = {
        "AOMI_STATE_DIR": str(tmp_path),
        "AOMI_BACKEND_URL": url,
        "AOMI_API_KEY": key,
        "AOMI_APP": "scripted",
        "AOMI_CHAIN_ID": str(CHAIN),
        "CHAIN_RPC_URL": chain.url,
        "PRIVATE_KEY": chain.private_key(7),
    }

    def cli(*arguments):
        command = [needed("node"), str(PACKAGES / "client/dist/cli.js"), *arguments]
        ran = processes.run(command, seconds=60, env=os.environ | settings)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    assert "Please sign." in cli("chat", text)
    simulated = cli("tx", "simulate", "tx-1")
    assert "All steps passed" in simulated
    assert "gas: 21,000" in simulated
    before = balance(to)
    signed = cli("tx", "sign", "tx-1", "--eoa")
    assert "Fee:" in signed, signed
    assert balance(to) == before + COIN
    assert '"status":"success"' in answer_told(provider, to).messages[-1]["content"]
