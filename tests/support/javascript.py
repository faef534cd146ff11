"""Reads the string literals of JavaScript, with what they are there for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*|/\*.*?\*/|\?\.(?=\())
    |(?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
    |(?P<name>[\w$#]+)
    |(?P<mark>[=!]==?|=>|[?|&]{2}=?|\?\.|.)""",
    re.VERBOSE | re.DOTALL,
)
REGEX = re.compile(r"/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\[\n])+/\w*")
PIECE = re.compile(r"(?:\\.|\$(?!\{)|[^`\\$])*", re.DOTALL)
ENDS_A_VALUE = re.compile(r"[\w$#\])}\"'`]$")
BEFORE_A_REGEX = {"return", "typeof", "case"}
CLOSING = {")": "(", "]": "[", "}": "{"}


@dataclass
class Place:
    """Something in brackets: `opener`, and as `call` what is before it, '' for nothing.

    Of what is read now: the `index` of the argument, the `key` of the object's entry, and as `assigned` what gets the
    value. `first` is the first literal."""

    opener: str
    call: str = ""
    index: int = 0
    key: str = ""
    assigned: str = ""
    first: str = ""


@dataclass
class Literal:
    """A string, or a fixed part of a template. `before` is the token before it, `place` is where it is."""

    text: str
    line: int
    before: str
    place: Place

    @property
    def is_name(self) -> bool:
        """Whether it names an entry of an object: `{"it": 1}` or `them["it"]`."""
        is_key = self.place.opener == "{" and self.before in ("{", ",")
        return is_key or (self.place.opener == self.before == "[" and bool(self.place.call))


@dataclass
class _Reader:
    source: str
    at: int = 0
    last: str = ""
    places: list[Place] = field(default_factory=lambda: [Place("")])
    found: list[Literal] = field(default_factory=list)

    def read(self) -> list[Literal]:
        while self.at < len(self.source):
            regex = None if self._follows_a_value() else REGEX.match(self.source, self.at)
            token = TOKEN.match(self.source, self.at)
            assert token
            if regex and token.lastgroup != "space":
                self.at = regex.end()
                self._pass("/regex/")
                continue
            self.at = token.end()
            if token.lastgroup == "string":
                self._literal(token.group()[1:-1], self.last)
                self._pass(token.group())
            elif token.group() == "`":
                self._piece(self.last)
            elif token.group() == "}" and self.places[-1].opener == "${":
                self._piece(self.places.pop().call)
            elif token.lastgroup != "space":
                self._pass(token.group())
        return self.found

    def _follows_a_value(self) -> bool:
        return bool(ENDS_A_VALUE.search(self.last)) and self.last not in BEFORE_A_REGEX

    def _piece(self, before: str) -> None:
        """A fixed part of a template. What is before the template is kept as `call` of the place of its values."""
        piece = PIECE.match(self.source, self.at)
        assert piece
        self.at = piece.end() + 1
        self._literal(piece.group(), before)
        if self.source[piece.end()] == "`":
            self._pass("`")
        else:
            self.at += 1
            self.last = "{"
            self.places.append(Place("${", before))

    def _literal(self, text: str, before: str) -> None:
        place = next(one for one in reversed(self.places) if one.opener != "${" and (one.call or one.opener != "("))
        place.first = place.first or text
        kept = Place(**vars(place))
        self.found.append(Literal(text, self.source.count("\n", 0, self.at) + 1, before, kept))

    def _pass(self, token: str) -> None:
        """Take notice of a token: where the reader is now."""
        place = self.places[-1]
        if token in "([{":
            called = self.last if self._follows_a_value() else ""
            self.places.append(Place(token, called))
        elif token in CLOSING:
            assert place.opener == CLOSING[token], (place, token, self.source[self.at - 80 : self.at])
            self.places.pop()
        elif token == "," or token == ";":
            place.index += token == ","
            place.key = place.assigned = ""
        elif token == "=":
            place.assigned = self.last
        elif token == ":" and place.opener == "{" and not place.key:
            place.key = self.last.strip("\"'")
        self.last = token


def literals(source: str) -> Iterator[Literal]:
    """The string literals of a script, those of templates too, in order."""
    yield from _Reader(source).read()
