"""Transactions as if they were sent one after the other, simulated by the operator's node for their chain.

`eth_simulateV1` (https://github.com/ethereum/execution-apis) lets each see the effects of those before it. On a
node without it, each is tried on its own, by `eth_call` and `eth_estimateGas`. Both only read; the price of gas is left
out.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from app.chain import steps
from app.chain.node import NodeConnection
from app.chain.rpc_errors import RpcError
from app.chain.steps import Call, Step
from app.chain_urls import ANY_CHAIN
from app.errors import BadRequest, Overloaded


@dataclass(frozen=True)
class Transaction:
    """A transaction that is not signed: `value` in wei, `data` in hex from `0x` on."""

    to: str
    value: int = 0
    data: str = "0x"


@dataclass(frozen=True)
class Simulation:
    """The steps on a chain, up to the first that failed. If `stateful`, each saw the effects of those before it."""

    chain_id: int
    stateful: bool
    steps: tuple[Step, ...]


class Simulator:
    """Simulates on the nodes at `urls` (by chain id), each time within `seconds`, at most `places` at once."""

    def __init__(self, urls: dict[int, str], seconds: float, places: int) -> None:
        self._urls, self._seconds = urls, seconds
        self._places = threading.BoundedSemaphore(places)

    def simulate(self, chain_id: int | None, sender: str, transactions: Sequence[Transaction]) -> Simulation:
        """The transactions from `sender`, on the chain (None: the only one that there is).

        Raises `BadRequest` for a chain without a node, `BadGateway`, `Overloaded`.
        """
        url = self._url(chain_id)
        calls = [
            {"from": sender, "to": transaction.to, "value": hex(transaction.value), "data": transaction.data}
            for transaction in transactions
        ]
        name = "chain's node" if ANY_CHAIN in self._urls else f"node for chain {chain_id or self._known()}"
        with self._place(), NodeConnection(name, url, self._seconds) as node:
            try:
                return self._simulated(node, chain_id, calls)
            except RpcError as error:
                raise node.failed(f"refused {error}") from None

    def _simulated(self, node: NodeConnection, chain_id: int | None, calls: Sequence[Call]) -> Simulation:
        actual = self._checked_chain(node, chain_id)
        try:
            return Simulation(actual, True, steps.in_order(node, calls))
        except RpcError as error:
            if not error.is_missing_method:
                raise
            return Simulation(actual, False, steps.each_alone(node, calls))

    def _url(self, chain_id: int | None) -> str:
        if chain_id is None and len(self._urls) == 1:
            return next(iter(self._urls.values()))
        if chain_id is None:
            raise BadRequest(f"'chain_id' is needed: one of {self._known()}")
        if url := self._urls.get(chain_id) or self._urls.get(ANY_CHAIN):
            return url
        raise BadRequest(
            f"Transactions on chain {chain_id} cannot be simulated here; on these they can: {self._known()}"
        )

    def _known(self) -> str:
        return ", ".join(map(str, sorted(self._urls)))

    def _checked_chain(self, node: NodeConnection, asked: int | None) -> int:
        """The node's chain. Raises `BadRequest`, `BadGateway` when it is not the one that was asked for."""
        actual = steps.chain_id(node)
        if asked not in (None, actual):
            if ANY_CHAIN in self._urls:
                raise BadRequest(f"Transactions on chain {asked} cannot be simulated here; on chain {actual} they can")
            raise node.failed(f"is on chain {actual}")
        return actual

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._places.acquire(blocking=False):
            raise Overloaded("Too many simulations run at this moment; try again in a few seconds")
        try:
            yield
        finally:
            self._places.release()
