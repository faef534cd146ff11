"""The text of a script as Redis gets it: `lua/<name>.lua` behind those functions of the library that it uses.

Redis runs the whole text at each call, which makes every function again: all of the library would take longer than most
scripts do.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

LIBRARY = ("keys", "prelude", "ledger", "message_texts", "shared_steps", "branches", "open_calls", "joining")
"""The files of definitions that scripts may use, in this order: a definition may use those before it."""

_COMMENT = re.compile(r"^ *--.*\n", re.MULTILINE)
_DEFINITION = re.compile(r"^local (?:function )?(\w+(?:, \w+)*)", re.MULTILINE)
_WORD = re.compile(r"\w+")


@cache
def source(name: str, publish: str = "PUBLISH") -> str:
    """A script with the definitions that it needs. `publish` is the command that publishes on the channels of a
    session."""
    script = _text_of(name)
    needed, used = [script], _words(script)
    for text in reversed((f"local PUBLISH = '{publish}'\n", *_definitions())):
        if not used.isdisjoint(_names(text)):
            needed.append(text)
            used |= _words(text)
    return "".join(reversed(needed))


@cache
def _definitions() -> tuple[str, ...]:
    """The text of each definition of the library."""
    library = "".join(map(_text_of, LIBRARY))
    begins = [found.start() for found in _DEFINITION.finditer(library)]
    return tuple(library[begin:end] for begin, end in zip(begins, (*begins[1:], None), strict=True))


def _names(definition: str) -> list[str]:
    found = _DEFINITION.match(definition)
    return found[1].split(", ") if found else []


@cache
def _words(text: str) -> frozenset[str]:
    """All names in the text. (A word of a string among them does no harm.)"""
    return frozenset(_WORD.findall(text))


def _text_of(part: str) -> str:
    text = files("app.state").joinpath("lua", f"{part}.lua").read_text()
    return _COMMENT.sub("", f"{text}\n")
