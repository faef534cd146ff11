"""The addresses of JSON-RPC nodes, as AOMI_CHAIN_RPC has them. They often hold a secret, so no error quotes one."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

ANY_CHAIN = 0
"""The chain of an address that is set without one: the node tells its chain."""

EXAMPLE = '{"1": "https://node.example/key", "8453": "https://other.example/key"}'
_CHAIN_ID = re.compile(r"[1-9][0-9]{0,15}")


def read(setting: str) -> dict[int, str]:
    """The node's address by chain id; one address alone is that of `ANY_CHAIN`. Raises `ValueError`."""
    setting = setting.strip()
    if not setting.startswith("{"):
        return {ANY_CHAIN: _checked(setting, "it")}
    try:
        value = json.loads(setting)
    except (ValueError, RecursionError):
        raise ValueError(f"must be an address, or JSON such as {EXAMPLE}") from None
    if not value or not all(map(_CHAIN_ID.fullmatch, value)):
        raise ValueError(f"must have a chain id before each address, such as {EXAMPLE}")
    return {int(chain): _checked(address, f"the address of chain {chain}") for chain, address in value.items()}


def _checked(address: Any, what: str) -> str:
    try:
        parts = urlsplit(address if isinstance(address, str) else "")
        right = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        right = False
    if not right or re.search(r"[\s\x00-\x20]", address) or not address.isascii():
        raise ValueError(f"{what} must be the http:// or https:// address of a JSON-RPC node")
    return str(address)
