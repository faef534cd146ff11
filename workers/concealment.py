"""Finds a client's secrets in text, whole or in part, however they are written, and puts their handles in their place.

A text and a secret are compared in one form: escapes decoded (JSON, Python's repr, URLs, HTML), case folded. Parts of a
secret are found by its n-grams. A secret is also known in base64, in hex, and backwards.
"""

from __future__ import annotations

import base64
import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

from workers.folded_text import FoldedText, folded

HANDLE = re.compile(r"\$SECRET:([A-Za-z0-9_-]{1,64})")

LONG = 1024
"""A secret of more characters is indexed at every `LONG_STRIDE`-th one, which finds parts of `LONG_PART` plus
`LONG_STRIDE` characters: an index of everything would take 100 MB for the secrets that one client may have."""
LONG_PART = 16
LONG_STRIDE = 16

_GROUP = r"""[^\s,;|"']{1,4}"""
_SPELLED = re.compile(rf"""(?<![^\W_]){_GROUP}?([\s,;|/.:_"'-]{{1,4}}?)(?:{_GROUP}?\1){{2,}}(?:{_GROUP}(?![^\W_]))?""")
"""Groups of up to four characters, with the same separator between them."""

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://")
"""The beginning of a URL is no part of a secret: else no result could contain another URL."""

_Place = tuple[str, str, int]
"""Of a part of a secret: the secret's name, the form in which it is written, where it is in that form."""

_Index = dict[int, dict[str, _Place]]
"""The place of each part, by its length and its text; the longest parts first."""


class _Owner(NamedTuple):
    """The secret that a character of a text belongs to. `start` tells one whole secret from the next."""

    name: str
    start: int = -1


_NOBODY = _Owner("")

_TAKEN = "\0"
"""In place of a character that has an owner."""

_Owners = list[_Owner | None]
"""By character of a folded text."""


class Concealment:
    """The secrets of one client, by name. A part of a secret that a tool was given (`reveal`) is found from 3 to 6
    characters on, by the secret's length; of any other secret from twice as many on."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self._revealed: set[str] = set()
        self._indexed: tuple[frozenset[str], _Index] = (frozenset([""]), {})

    def reveal(self, name: str) -> None:
        """A tool gets this secret: from now on short parts of it are concealed, too."""
        self._revealed.add(name)

    def conceal(self, text: str) -> str:
        """The text with a handle in place of each secret and of each part of one."""
        compared = FoldedText(text)
        owners: _Owners = [None] * len(compared.characters)
        self._own_whole(compared.characters, owners)
        for match in HANDLE.finditer(text):
            if match[1] in self._forms:
                _own_between(compared, owners, match.span())
        free = "".join(
            _TAKEN if owner else character for owner, character in zip(owners, compared.characters, strict=True)
        )
        self._own_parts(free, owners)
        return self._without_spelled(_replaced(compared, owners))

    def handle_at_end(self, text: str) -> str:
        """The handle of the secret of which a part is the end of the text, '' if there is none."""
        characters = FoldedText(text).characters
        places = (parts.get(characters[-length:]) for length, parts in self._index().items())
        return next((handle_of(place[0]) for place in places if place), "")

    def _without_spelled(self, text: str) -> str:
        """The text with a handle in place of a secret that is written in groups of characters."""

        def concealed(match: re.Match[str]) -> str:
            joined = match[0].replace(match[1], "")
            found = self._first_part(FoldedText(joined).characters)
            return handle_of(found) if found else match[0]

        return _SPELLED.sub(concealed, text)

    def _first_part(self, characters: str) -> str:
        """The name of the first secret of which a part is in the text, '' if there is none."""
        for length, parts in self._index().items():
            for index in range(len(characters) - length + 1):
                if place := parts.get(characters[index : index + length]):
                    return place[0]
        return ""

    def _own_whole(self, characters: str, owners: _Owners) -> None:
        for name, forms in self._forms.items():
            for form in forms:
                index = characters.find(form)
                while index >= 0:
                    end = index + len(form)
                    if not any(owners[index:end]):
                        owners[index:end] = [_Owner(name, index)] * len(form)
                    index = characters.find(form, end)

    def _own_parts(self, characters: str, owners: _Owners) -> None:
        for length, parts in self._index().items():
            last = 0
            starts = range(len(characters) - length + 1)
            for index in [start for start in starts if characters[start : start + length] in parts]:
                if index + length > last:
                    place = parts[characters[index : index + length]]
                    first, last = _extended(characters, index, length, place)
                    for position in range(first, last):
                        owners[position] = owners[position] or _Owner(place[0])

    @cached_property
    def _forms(self) -> dict[str, list[str]]:
        """How each secret may be written; the longest first, because a secret may be a part of another one."""
        longest_first = sorted(self._values.items(), key=lambda item: -len(item[1]))
        return {name: _forms(value) for name, value in longest_first}

    def _index(self) -> _Index:
        """The parts of all secrets. (Calls of a turn run side by side: one may have revealed another secret.)"""
        revealed = frozenset(self._revealed)
        known, index = self._indexed
        if known != revealed:
            index = _index(self._forms, revealed)
            self._indexed = (revealed, index)
        return index


def _index(secrets: Mapping[str, list[str]], revealed: frozenset[str]) -> _Index:
    index: _Index = {}
    for name, forms in secrets.items():
        for number, form in enumerate(forms):
            length, stride = _part_of(forms[0], name in revealed, is_encoded=number > 1)
            parts = index.setdefault(length, {})
            for position in range(_secret_from(form), len(form) - length + 1, stride):
                parts.setdefault(form[position : position + length], (name, form, position))
    return dict(sorted(index.items(), reverse=True))


def _part_of(secret: str, is_revealed: bool, is_encoded: bool) -> tuple[int, int]:
    """How long the parts of a secret are that are looked for, and the distance from one to the next."""
    if len(secret) > LONG:
        return LONG_PART, LONG_STRIDE
    shortest = 3 if len(secret) < 8 else 4 if len(secret) < 20 else 6
    return shortest * (1 if is_revealed else 2) * (2 if is_encoded else 1), 1


def _secret_from(form: str) -> int:
    scheme = _SCHEME.match(form)
    return scheme.end() if scheme else 0


def _extended(characters: str, index: int, length: int, place: _Place) -> tuple[int, int]:
    """From where to where the text is the same as the secret around a part that was found."""
    first, last = index, index + length
    _, written, position = place
    before, behind = position - 1, position + length
    while first > 0 and before >= 0 and characters[first - 1] == written[before]:
        first, before = first - 1, before - 1
    while last < len(characters) and behind < len(written) and characters[last] == written[behind]:
        last, behind = last + 1, behind + 1
    return first, last


def _own_between(compared: FoldedText, owners: _Owners, span: tuple[int, int]) -> None:
    """Nothing is looked for in a handle."""
    for index in range(bisect_left(compared.starts, span[0]), bisect_left(compared.starts, span[1])):
        owners[index] = owners[index] or _NOBODY


def _replaced(compared: FoldedText, owners: _Owners) -> str:
    text = compared.text
    pieces: list[str] = []
    copied, last = 0, None
    for owner, start, end in zip(owners, compared.starts, compared.ends, strict=True):
        if owner and owner is not _NOBODY:
            if owner != last and end > copied:
                pieces += [text[copied:start], handle_of(owner.name)]
            copied = max(copied, end)
        last = owner
    return "".join([*pieces, text[copied:]])


def handle_of(name: str) -> str:
    """The handle that stands for the secret `name`."""
    return f"$SECRET:{name}"


def _forms(value: str) -> list[str]:
    """The ways in which a secret may be written, folded: as it is, backwards, in hex, in base64 at each offset."""
    data = value.encode("utf-8", "surrogatepass")
    as_is = FoldedText(value).characters
    encoded = (folded(form) for form in (data.hex(), *_in_base64(data)))
    return list(dict.fromkeys(filter(None, [as_is, as_is[::-1], *encoded])))


def _in_base64(data: bytes) -> Iterator[str]:
    """The characters that the data alone decides, with 0, 1 and 2 bytes before it."""
    for before in range(3):
        written = base64.b64encode(b"\0" * before + data).decode().rstrip("=")
        is_open = (before + len(data)) % 3 > 0
        yield written[before + bool(before) : -1 if is_open else None]
