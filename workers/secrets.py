"""Secrets of a client in the arguments of tools: put in at call time, and taken out of what comes back."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from functools import cache
from typing import Any

HANDLE = re.compile(r"\$SECRET:([A-Za-z0-9_-]{1,64})")


class UnknownSecret(Exception):
    """An argument holds the handle of a secret that is not there."""


class Secrets:
    """The secrets of a turn's client by name. One call of a tool uses `reveal`, then `conceal`.

    `still` gives those that are there now: what the client has cleared meanwhile is not revealed any more.
    """

    def __init__(self, values: dict[str, str], still: Callable[[], Collection[str]] | None = None) -> None:
        longest_first = sorted(values.items(), key=lambda item: -len(item[1]))  # one may be a part of another
        self._values = dict(longest_first)
        self._still = still or (lambda: values)

    def __bool__(self) -> bool:
        return bool(self._values)

    @property
    def handles(self) -> list[str]:
        """What the model may write in an argument instead of a secret."""
        return [_handle(name) for name in sorted(self._values)]

    def reveal(self, args: Any) -> Any:
        """The arguments with each handle replaced. Raises `UnknownSecret`."""
        if not self._values:
            return args
        still = cache(self._still)  # asked once, and only if there is a handle
        return _mapped(args, lambda text: HANDLE.sub(lambda handle: self._value(handle[1], still()), text))

    def conceal(self, result: Any) -> Any:
        """A result without the secrets, which a tool may have repeated."""
        return _mapped(result, self._without) if self._values else result

    def _value(self, name: str, still: Collection[str]) -> str:
        if name in self._values and name in still:
            return self._values[name]
        there = ", ".join(handle for handle in self.handles if handle.removeprefix(_handle("")) in still)
        raise UnknownSecret(f"There is no secret {name!r}; there are: {there or 'none'}")

    def _without(self, text: str) -> str:
        kept = [text]  # with the handles that were put in at its odd places: nothing is looked for in those
        for name, value in self._values.items():
            kept = list(_parted(kept, value, _handle(name)))
        return "".join(kept)


def _handle(name: str) -> str:
    return f"$SECRET:{name}"


def _parted(parts: list[str], value: str, handle: str) -> Iterator[str]:
    """The parts, those at even places parted by the handle wherever they hold the value."""
    for place, part in enumerate(parts):
        if place % 2:
            yield part
            continue
        first, *others = part.split(value)
        yield first
        for other in others:
            yield handle
            yield other


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    """The value with every string in it changed, names of objects included."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {_mapped(name, change): _mapped(part, change) for name, part in value.items()}
    if isinstance(value, list):
        return [_mapped(part, change) for part in value]
    return value
