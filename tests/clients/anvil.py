"""anvil, npm's development chain, as a process of its own. Its accounts have coins and sign whatever they are asked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.clients import npm
from tests.support import processes
from tests.support.backend import answers, free_port
from tests.support.client import PLAIN
from tests.support.patience import until

PROGRAM = "@foundry-rs/anvil-*/bin/anvil*"
CHAIN = 31337


@dataclass(frozen=True)
class Anvil:
    """A running chain, with a JSON-RPC node at `url`; `output` is what it prints."""

    url: str
    output: Path

    def call(self, method: str, *params: Any) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = httpx.post(self.url, json=body, **PLAIN).json()
        assert "result" in answer, answer
        return answer["result"]

    def send(self, **transaction: str) -> dict[str, Any]:
        """Send a transaction of one of the chain's accounts; its receipt, once it is mined."""
        sent = self.call("eth_sendTransaction", transaction)
        receipt: dict[str, Any] = until(lambda: self.call("eth_getTransactionReceipt", sent), what="a block")
        return receipt

    @property
    def accounts(self) -> list[str]:
        found: list[str] = self.call("eth_accounts")
        return found

    def private_key(self, place: int) -> str:
        """That of the account at this place; anvil prints them when it starts."""
        return re.findall(r"\(\d+\) (0x[0-9a-f]{64})\n", self.output.read_text())[place]


@contextmanager
def running(output: Path) -> Iterator[Anvil]:
    port = free_port()
    with output.open("wb") as file:
        process = processes.start([npm.program(PROGRAM), "--port", str(port)], stdout=file, stderr=file)
    try:
        until(lambda: answers(port) or process.poll() is not None, what="anvil")
        assert process.poll() is None, output.read_text()
        yield Anvil(f"http://127.0.0.1:{port}", output)
    finally:
        processes.stop(process)
