"""The errors of a node's JSON-RPC methods, by their codes. EIP-1474 has the common ones, the specification of
`eth_simulateV1` (https://github.com/ethereum/execution-apis) those from -38000 on; nodes differ in the rest."""

from __future__ import annotations

import re

_OF_TRANSACTION = (3, -32003, -32015)
"""Reverted; rejected; the execution failed."""

_ANYTHING = -32000
_WORDS = re.compile(
    r"revert|insufficient (funds|balance)|gas|invalid opcode|invalid jump|stack|overflow", re.IGNORECASE
)

_NO_SUCH_METHOD = (-32601, -32004)
_INVALID = -32600
_METHOD = re.compile(r"method|eth_simulateV1", re.IGNORECASE)


class RpcError(Exception):
    """The node's error response to a call. `data` has the bytes that a contract reverted with, in hex, or is ''."""

    def __init__(self, method: str, code: int, message: str, data: str) -> None:
        super().__init__(f"{method} with JSON-RPC error {code}")
        self.code, self.message, self.data = code, message, data

    @property
    def is_of_transaction(self) -> bool:
        """Whether the transaction is wrong, not the node or the way it is asked. Only then are the message's words for
        the client: a provider's may name its customer."""
        if self.code in _OF_TRANSACTION or -38999 <= self.code <= -38000:
            return True
        return self.code == _ANYTHING and bool(_WORDS.search(self.message))

    @property
    def is_missing_method(self) -> bool:
        """Whether the node lacks the method; some providers call that an invalid request."""
        return self.code in _NO_SUCH_METHOD or (self.code == _INVALID and bool(_METHOD.search(self.message)))
