"""Names that are nearly right."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

MOST_SLIPS = 2
HINT_CUTOFF = 0.6
"""How alike two names must be, from 0 to 1, for one to be named as what may have been meant."""


def misspelt(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` is a slip of the pen of; None if it may well be a name of its own.

    Case and separators do not count. A name of 6 to 9 characters may have one wrong, a longer one two; a shorter one
    may lack one, have one too many, or two swapped: `top_k` is not a misspelling of `top_p`."""
    plain = _plain(name)
    slips = [
        (distance(plain, other), candidate)
        for candidate, other in ((candidate, _plain(candidate)) for candidate in known)
        if abs(len(plain) - len(other)) <= MOST_SLIPS
    ]
    near = [(slip, candidate) for slip, candidate in slips if slip <= _allowed(plain, _plain(candidate))]
    return min(near)[1] if near else None


def nearest(name: str, known: Iterable[str], cutoff: float = HINT_CUTOFF) -> str | None:
    """The known name that looks most like `name`; None if none looks like it."""
    by_plain = {_plain(candidate): candidate for candidate in known}
    found = get_close_matches(_plain(name), by_plain, n=1, cutoff=cutoff)
    return by_plain[found[0]] if found else None


def hint(name: str, known: Iterable[str]) -> str:
    """`, did you mean 'tools'?`, or '' if nothing is near."""
    near = nearest(name, known)
    return f", did you mean {near!r}?" if near else ""


def distance(one: str, other: str) -> int:
    """Insertions, deletions, replacements and swaps of neighbours that lead from one to the other."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for at, letter in enumerate(one, 1):
        before, last, row = row, before, [at]
        for column, wanted in enumerate(other, 1):
            cost = min(before[column] + 1, row[-1] + 1, before[column - 1] + (letter != wanted))
            if at > 1 and column > 1 and letter == other[column - 2] and one[at - 2] == wanted:
                cost = min(cost, last[column - 2] + 1)
            row.append(cost)
    return row[-1]


def _plain(name: str) -> str:
    return name.casefold().replace("_", "").replace("-", "").replace(" ", "")


def _allowed(one: str, other: str) -> int:
    length = min(len(one), len(other))
    if length < 6:
        return int(len(one) != len(other) or sorted(one) == sorted(other))
    return 1 if length < 10 else MOST_SLIPS
