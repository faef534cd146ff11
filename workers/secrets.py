"""A client's secrets in tool calls: handles in the arguments become secrets, secrets in the result become handles."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import cache
from typing import Any

from workers.concealment import HANDLE, Concealment, handle_of

SHORT = 5
"""Strings of so many characters are also looked at together with those before them: a secret may come in pieces."""

KEPT_SHORT = 64
"""Characters of short strings that are kept."""


class UnknownSecret(Exception):
    """An argument contains the handle of a secret that does not exist."""


class Secrets:
    """The secrets of a turn's client, by name. `reveal` is for a call's arguments, `conceal` for its result.

    `saved_names` returns the names that are saved now: a secret that the client has cleared is no longer revealed.
    """

    def __init__(self, values: dict[str, str], saved_names: Callable[[], Collection[str]] | None = None) -> None:
        self._values = values
        self._saved_names = saved_names or (lambda: values)
        self._concealment = Concealment(values)
        self._short: dict[str, str] = {}

    def __bool__(self) -> bool:
        return bool(self._values)

    @property
    def handles(self) -> list[str]:
        """The handle that the model writes in an argument in place of each secret."""
        return [handle_of(name) for name in sorted(self._values)]

    @property
    def instructions(self) -> str:
        """Tells the model how to use the handles; '' without secrets."""
        if not self._values:
            return ""
        about = "The user has secrets, which you cannot see. In a tool's argument, a handle stands for one: "
        return about + ", ".join(self.handles)

    def reveal(self, args: Any) -> Any:
        """The arguments with each handle replaced. Raises `UnknownSecret`, also when the client has no secrets."""
        saved_names = cache(self._saved_names)  # reads Redis once, and only if there is a handle

        def replaced(text: str) -> str:
            return HANDLE.sub(lambda handle: self._value(handle[1], saved_names()), text)

        return _mapped(args, replaced, replaced)

    def conceal(self, result: Any) -> Any:
        """The result with a handle in place of every secret and of every part of one: in texts, in names of objects, in
        numbers, and in short strings one after the other, also those of earlier results."""
        if not self._values:
            return result
        return _mapped(result, self._conceal_value, self._conceal_name, self._conceal_number)

    def conceal_text(self, text: str) -> str:
        """As `conceal`, for a text that is no part of a result."""
        return self._concealment.conceal(text) if self._values else text

    def conceal_exactly(self, text: str) -> str:
        """The text with a handle in place of each secret that is in it whole: `reveal` gives the same text back."""
        for name, value in self._values.items():
            text = text.replace(value, handle_of(name)) if value else text
        return text

    def _value(self, name: str, saved_names: Collection[str]) -> str:
        if name in self._values and name in saved_names:
            self._concealment.reveal(name)
            return self._values[name]
        handles = ", ".join(handle_of(known) for known in sorted(self._values) if known in saved_names)
        raise UnknownSecret(f"There is no secret {name!r}; there are: {handles or 'none'}")

    def _conceal_value(self, text: str) -> str:
        return self._conceal_string(text, "value")

    def _conceal_name(self, text: str) -> str:
        return self._conceal_string(text, "name")

    def _conceal_string(self, text: str, kind: str) -> str:
        concealed = self._concealment.conceal(text)
        if concealed != text or len(text) > SHORT:
            return concealed
        joined = self._short[kind] = (self._short.get(kind, "") + text)[-KEPT_SHORT:]
        return self._concealment.handle_at_end(joined) or text

    def _conceal_number(self, number: float) -> Any:
        text = str(int(number) if isinstance(number, float) and number.is_integer() else number)
        concealed = self._conceal_string(text, "number")
        return number if concealed == text else concealed


def _mapped(
    value: Any,
    change: Callable[[str], str],
    change_name: Callable[[str], str],
    change_number: Callable[[float], Any] | None = None,
) -> Any:
    """A JSON value with the functions applied to every string, every name of an object, and every number in it."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change_name(name): _mapped(item, change, change_name, change_number) for name, item in value.items()}
    if isinstance(value, list):
        return [_mapped(item, change, change_name, change_number) for item in value]
    if change_number and isinstance(value, int | float) and not isinstance(value, bool):
        return change_number(value)
    return value
