"""Text of clients and models, made harmless for a terminal: a terminal obeys control characters, and a line end in a
title would begin a row of its own in a table or a log."""

from __future__ import annotations

import re
import unicodedata

_KEPT = "\n\t"

_BIDIRECTIONAL = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C}
"""Characters that change the direction of the text after them, so that it reads as something else."""


_SEPARATORS = {0x2028, 0x2029}
"""Unicode's own ends of lines and paragraphs."""

_UNSAFE_IN_JSON = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""The same characters as far as JSON may contain them unescaped."""

CONTINUED = "\n  "
"""The line end and the indentation of a line that continues the one above it."""


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
    if code in _SEPARATORS:
        return " "
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


def as_line(text: str) -> str:
    """The text without control characters, on one line."""
    return " ".join(clean(text).split("\n"))


def as_block(text: str) -> str:
    """The text without control characters. Lines after the first one are indented: none looks like a row."""
    return CONTINUED.join(clean(text).split("\n"))


def escaped_json(text: str) -> str:
    """JSON with all control characters in its strings escaped, the values unchanged. (JSON itself allows some.)"""
    return _UNSAFE_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def one_line(text: str, limit: int = 72) -> str:
    """The beginning of a text on one line of at most `limit` characters."""
    line = " ".join(clean(text).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
