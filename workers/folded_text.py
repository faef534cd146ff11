"""Texts in one form for comparison: escapes decoded (JSON, Python's repr, URLs, HTML), case folded."""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import dataclass, field

_ESCAPES = re.compile(
    r"(?P<url>(?:%(?:25)*[0-9a-fA-F]{2})+)"
    r"|(?P<unicode>(?:\\+u[0-9a-fA-F]{4})+)"
    r"|(?P<bytes>(?:\\+x[0-9a-fA-F]{2})+)"
    r"|(?P<wide>\\+U[0-9a-fA-F]{8})"
    r"|(?P<octal>(?:\\+[0-3][0-7]{2})+)"
    r"|\\+(?P<space>[ntr])"
    r"|(?P<backslashes>\\+)"
    r"|(?P<entity>&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,8});)"
)
_SPACES = {"n": "\n", "t": "\t", "r": "\r"}

_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))

_SAME = str.maketrans({"+": " ", "-": " ", "_": "/", "\\": None}) | _INVISIBLE
"""A space is a `+` in a URL; base64 has two alphabets; backslashes multiply wherever a text is quoted."""


@dataclass
class FoldedText:
    """A text in the form in which it is compared, and for each character its beginning and its end in the text.
    Characters that are escaped together have the same ones: none of them can be replaced without the others."""

    text: str
    characters: str = ""
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        copied = 0
        for match in _ESCAPES.finditer(self.text):
            self._add_plain(copied, match.start())
            self._add(_decoded(match), *match.span())
            copied = match.end()
        self._add_plain(copied, len(self.text))

    def _add_plain(self, start: int, end: int) -> None:
        lower = folded(self.text[start:end])
        if len(lower) != end - start:  # such as of \u00df, which becomes ss
            for index in range(start, end):
                self._add(self.text[index], index, index + 1)
            return
        self.characters += lower
        self.starts.extend(range(start, end))
        self.ends.extend(range(start + 1, end + 1))

    def _add(self, decoded: str, start: int, end: int) -> None:
        lower = folded(decoded)
        self.characters += lower
        self.starts.extend([start] * len(lower))
        self.ends.extend([end] * len(lower))


def folded(text: str) -> str:
    """The characters as they are compared."""
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return plain.translate(_SAME).casefold()


def _decoded(match: re.Match[str]) -> str:
    kind, written = match.lastgroup, match[0]
    if kind == "url":
        return bytes.fromhex(re.sub("%(?:25)*", "", written)).decode("utf-8", "replace")
    if kind == "unicode":
        units = bytes.fromhex(re.sub(r"\\+u", "", written))
        return units.decode("utf-16-be", "replace")
    if kind in ("bytes", "octal"):
        data = bytes.fromhex(re.sub(r"\\+x", "", written)) if kind == "bytes" else _in_octal(written)
        return data.decode("utf-8", "ignore") or data.decode("latin-1")
    if kind == "wide":
        number = int(written.lstrip("\\")[1:], 16)
        return chr(number) if number < 0x110000 else ""
    if kind == "space":
        return _SPACES[match["space"]]
    return html.unescape(written) if kind == "entity" else ""


def _in_octal(written: str) -> bytes:
    return bytes(int(digits, 8) for digits in re.findall(r"[0-7]{3}", written))
