"""Why a transaction failed, for people: from the bytes that a contract reverted with, or from the node's words."""

from __future__ import annotations

REASON_CHARACTERS = 300
ERROR_STRING = "08c379a0"
"""The selector of Solidity's `Error(string)`."""

PANIC = "4e487b71"
"""The selector of Solidity's `Panic(uint256)`."""

PANICS = {0x01: "assertion failed", 0x11: "arithmetic overflow", 0x12: "division by zero", 0x32: "index out of bounds"}
"""By code; see "Panic via assert and Error via require" in Solidity's documentation, which has the others."""


def reason(data: str, message: str) -> str:
    """The reason of a failure, one line of at most `REASON_CHARACTERS`. `data` is hex, or ''; `message` the node's."""
    return _one_line(_from_data(data.removeprefix("0x").lower()) or message) or "execution reverted"


def _from_data(data: str) -> str:
    """The reason that the bytes hold, '' if they hold none. A contract may revert with anything."""
    try:
        raw = bytes.fromhex(data)
    except ValueError:
        return ""
    selector, words = data[:8], raw[4:]
    if selector == ERROR_STRING:
        start = int.from_bytes(words[:32])
        length = int.from_bytes(words[start : start + 32])
        return words[start + 32 : start + 32 + length].decode("utf-8", "replace")
    if selector == PANIC:
        code = int.from_bytes(words[:32])
        return f"panic {code:#x}" + (f" ({PANICS[code]})" if code in PANICS else "")
    return f"the contract's error 0x{selector}" if len(raw) >= 4 else ""


def _one_line(text: str) -> str:
    printable = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(printable.split())[:REASON_CHARACTERS]
