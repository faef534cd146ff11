"""A client's secrets in tool calls: handles in the arguments become secrets, secrets in the result become handles."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from functools import cache
from typing import Any

HANDLE = re.compile(r"\$SECRET:([A-Za-z0-9_-]{1,64})")


class UnknownSecret(Exception):
    """An argument contains the handle of a secret that does not exist."""


class Secrets:
    """The secrets of a turn's client, by name. `reveal` is for a call's arguments, `conceal` for its result.

    `saved_names` returns the names that are saved now: a secret that the client has cleared is no longer revealed.
    """

    def __init__(self, values: dict[str, str], saved_names: Callable[[], Collection[str]] | None = None) -> None:
        longest_first = sorted(values.items(), key=lambda item: -len(item[1]))  # a secret may be part of another one
        self._values = dict(longest_first)
        self._saved_names = saved_names or (lambda: values)

    def __bool__(self) -> bool:
        return bool(self._values)

    @property
    def handles(self) -> list[str]:
        """The handle that the model writes in an argument in place of each secret."""
        return [_handle(name) for name in sorted(self._values)]

    @property
    def instructions(self) -> str:
        """Tells the model how to use the handles; '' without secrets."""
        if not self._values:
            return ""
        about = "The user has secrets, which you cannot see. In a tool's argument, a handle stands for one: "
        return about + ", ".join(self.handles)

    def reveal(self, args: Any) -> Any:
        """The arguments with each handle replaced. Raises `UnknownSecret`."""
        if not self._values:
            return args
        saved_names = cache(self._saved_names)  # reads Redis once, and only if there is a handle
        return _map_strings(args, lambda text: HANDLE.sub(lambda handle: self._value(handle[1], saved_names()), text))

    def conceal(self, result: Any) -> Any:
        """The result with every secret in it replaced by its handle."""
        return _map_strings(result, self._conceal_text) if self._values else result

    def _value(self, name: str, saved_names: Collection[str]) -> str:
        if name in self._values and name in saved_names:
            return self._values[name]
        handles = ", ".join(handle for handle in self.handles if handle.removeprefix(_handle("")) in saved_names)
        raise UnknownSecret(f"There is no secret {name!r}; there are: {handles or 'none'}")

    def _conceal_text(self, text: str) -> str:
        pieces = [text]  # text and handles in turn: no secret is looked for inside a handle
        for name, value in self._values.items():
            pieces = list(_split_at_secret(pieces, value, _handle(name)))
        return "".join(pieces)


def _handle(name: str) -> str:
    return f"$SECRET:{name}"


def _split_at_secret(pieces: list[str], value: str, handle: str) -> Iterator[str]:
    """Split each text (the pieces at even positions) at the secret's value, with the handle in between."""
    for index, piece in enumerate(pieces):
        if index % 2:
            yield piece
            continue
        first, *rest = piece.split(value)
        yield first
        for text in rest:
            yield handle
            yield text


def _map_strings(value: Any, change: Callable[[str], str]) -> Any:
    """A JSON value with `change` applied to every string in it, names of objects included."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {_map_strings(name, change): _map_strings(item, change) for name, item in value.items()}
    if isinstance(value, list):
        return [_map_strings(item, change) for item in value]
    return value
