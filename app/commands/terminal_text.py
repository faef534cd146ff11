"""Text from elsewhere, made harmless for a terminal, which obeys control characters in whatever it is sent."""

from __future__ import annotations

import unicodedata

_KEPT = "\n\t"

_BIDIRECTIONAL = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C}
"""Characters that change the direction of the text after them, so that it reads as something else."""


class _Replacements(dict[int, str]):
    """The replacement of each character, computed once."""

    def __missing__(self, code: int) -> str:
        self[code] = replacement = _replacement(code)
        return replacement


def _replacement(code: int) -> str:
    char = chr(code)
    if char in _KEPT:
        return char
    if char == "\r" or code in _BIDIRECTIONAL:
        return ""
    if code < 0x20:
        return chr(0x2400 + code)  # its symbol, such as ␛
    if code == 0x7F:
        return "\u2421"
    if unicodedata.category(char) == "Cc":
        return f"\\x{code:02x}"
    if unicodedata.category(char) == "Cs":
        return "\ufffd"  # half of a surrogate pair, which cannot be encoded
    return char


_REPLACEMENTS = _Replacements()


def clean(text: str) -> str:
    """The text without control characters: an escape sequence shows as `␛[31m`. Line ends and tabs stay."""
    return text.translate(_REPLACEMENTS)


def one_line(text: str, limit: int = 72) -> str:
    """The beginning of a text on one line of at most `limit` characters."""
    line = " ".join(clean(text).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
