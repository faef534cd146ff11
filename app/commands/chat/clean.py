"""Text from elsewhere, made harmless: a terminal obeys control characters, whoever wrote them."""

from __future__ import annotations

import unicodedata

_KEPT = "\n\t"

_TURNING = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C}
"""Characters that turn the direction of what follows, so that it reads as something else."""


class _Harmless(dict[int, str]):
    """What stands for each character, found out once."""

    def __missing__(self, code: int) -> str:
        self[code] = found = _shown(code)
        return found


def _shown(code: int) -> str:
    char = chr(code)
    if char in _KEPT:
        return char
    if char == "\r" or code in _TURNING:
        return ""
    if code < 0x20:
        return chr(0x2400 + code)  # its picture
    if code == 0x7F:
        return "\u2421"
    if unicodedata.category(char) == "Cc":
        return f"\\x{code:02x}"
    if unicodedata.category(char) == "Cs":
        return "\ufffd"  # half a character, which no terminal can be sent
    return char


_HARMLESS = _Harmless()


def clean(text: str) -> str:
    """The text without what a terminal would obey: escape sequences show as `␛[31m`. Line ends and tabs stay."""
    return text.translate(_HARMLESS)


def one_line(text: str, limit: int = 72) -> str:
    """The beginning of a text on one line."""
    line = " ".join(clean(text).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
