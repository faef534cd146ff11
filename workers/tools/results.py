"""The results of tools as plain JSON. A result that is none is an error, in words that name the place and the type.

| Python | JSON |
|---|---|
| `str`, `int`, `float`, `bool`, `None`, subclasses too | the same; half a surrogate pair becomes `?` |
| NaN and infinity | `null`, as JavaScript writes them |
| `dict` and other mappings | object; numbers, booleans, `None`, dates, enums and UUIDs as keys become text |
| `list`, `tuple`, `set`, `range`, `deque`, views of dicts | array |
| dataclass, pydantic model | object |
| `datetime`, `date`, `time` | ISO 8601 text |
| `timedelta` | seconds |
| `Enum` | its value |
| `Decimal`, `UUID`, paths, IP addresses, pydantic's URLs | text |
| numbers of numpy and others that Python takes as numbers | number |
| everything else: bytes, generators, exceptions, functions, objects | an error |
"""

from __future__ import annotations

import dataclasses
import logging
import math
import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence, Set, ValuesView
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from numbers import Integral, Real
from pathlib import PurePath
from typing import Any
from uuid import UUID

from pydantic import AnyUrl, BaseModel, SecretStr
from pydantic_core import PydanticSerializationError

from app import exact_json

log = logging.getLogger(__name__)

MAX_DIGITS = 4000
"""Of an integer. Python itself refuses to write more than 4,300."""

PLACE_CHARACTERS = 80

ERROR_CHARACTERS = 4000

Place = tuple[Any, ...]
"""The keys and indexes that lead to a value."""

_OBJECT_ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]{6,16}(?=>|, file |; to )")

_TEXTS = (Decimal, UUID, PurePath, IPv4Address, IPv6Address, IPv4Network, IPv6Network, AnyUrl, SecretStr)

_BYTES = (bytes, bytearray, memoryview)


class NotJson(Exception):
    """A value cannot be written as JSON. The message is fit for the model. `without_keys` is for the log: keys may be
    what people wrote."""

    def __init__(self, place: Place, problem: str) -> None:
        super().__init__(f"{_shown(place)} {problem}")
        self.without_keys = f"{_shown(tuple('...' if isinstance(key, str) else key for key in place))} {problem}"


def bounded(result: Any, max_bytes: int) -> Any:
    """The result as plain JSON, or `{"error": ...}` when it is none, larger than `max_bytes` or nested too
    deeply."""
    try:
        data = exact_json.checked(_Plain(max_bytes).value(result, ()))
    except NotJson as error:
        log.error("the tool's result is no JSON: %s", error.without_keys)
        return {"error": f"The tool's result is no JSON: {error}"}
    except _TooLarge:
        return {"error": f"The result has more than {max_bytes:,} bytes; ask for less"}
    except (exact_json.TooDeep, RecursionError):
        return {"error": "The result is nested too deeply, or contains itself"}
    if len(data) > max_bytes:
        return {"error": f"The result has {len(data):,} bytes; at most {max_bytes:,} are allowed; ask for less"}
    return exact_json.loads(data)


def error_text(error: Exception) -> str:
    """The message of a tool's error for the model: valid Unicode, cut after `ERROR_CHARACTERS`."""
    try:
        text = _text(str(error))
    except Exception:  # the class is the tool's own
        text = type(error).__name__
    return text if len(text) <= ERROR_CHARACTERS else f"{text[:ERROR_CHARACTERS]}..."


def without_object_addresses(text: str) -> str:
    """The text with `<Shop object at 0x7f3a5c0b1d90>` shortened to `<Shop object>`: an address in memory helps nobody
    but an attacker."""
    return _OBJECT_ADDRESS.sub("", text) if " at 0x" in text else text


class _TooLarge(Exception):
    """There are more values than the result may have bytes."""


class _Plain:
    """Makes plain JSON of a value, and of at most `most` values within it."""

    def __init__(self, most: int) -> None:
        self._left = most
        self._writers: tuple[tuple[Any, Callable[[Any, Place], Any]], ...] = (
            (Enum, lambda value, place: self.value(value.value, place)),
            ((type(None), bool), lambda value, place: value),
            (str, lambda value, place: _text(value)),
            (Integral, _integer),
            (Real, _float),
            (Mapping, self._object),
            (_BYTES, _refuse),
            ((Sequence, Set, ValuesView, deque), self._array),
            (BaseModel, self._model),
            ((datetime, date, time), lambda value, place: value.isoformat()),
            (timedelta, lambda value, place: value.total_seconds()),
            (_TEXTS, lambda value, place: _text(str(value))),
        )

    def value(self, value: Any, place: Place) -> Any:
        """The plain form. Raises `NotJson`, `_TooLarge`, `RecursionError`."""
        self._left -= 1
        if self._left < 0:
            raise _TooLarge
        if common := _COMMON.get(type(value)):  # most values; the tests of `_writers` take ten times as long
            return common(self, value, place)
        for kinds, write in self._writers:
            if isinstance(value, kinds):
                return write(value, place)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            names = [field.name for field in dataclasses.fields(value)]
            return {name: self.value(getattr(value, name), (*place, name)) for name in names}
        return _refuse(value, place)

    def _object(self, value: Mapping[Any, Any], place: Place) -> dict[str, Any]:
        plain = {_key(key, place): self.value(item, (*place, key)) for key, item in value.items()}
        if len(plain) < len(value):
            raise NotJson(place, "has two keys that are the same text")
        return plain

    def _array(self, value: Any, place: Place) -> list[Any]:
        return [self.value(item, (*place, index)) for index, item in enumerate(value)]

    def _model(self, value: BaseModel, place: Place) -> Any:
        try:
            return self.value(value.model_dump(mode="json"), place)
        except (PydanticSerializationError, ValueError):
            return _refuse(value, place)


_COMMON: dict[type, Callable[[_Plain, Any, Place], Any]] = {
    dict: _Plain._object,
    list: _Plain._array,
    str: lambda _, value, place: _text(value),
    int: lambda _, value, place: _integer(value, place),
    float: lambda _, value, place: _float(value, place),
    bool: lambda _, value, place: value,
}


def _key(key: Any, place: Place) -> str:
    key = key.value if isinstance(key, Enum) else key
    if isinstance(key, str):
        return _text(key)
    if key is None or isinstance(key, bool | int | float):
        return exact_json.dumps(key)
    if isinstance(key, datetime | date | time):
        return key.isoformat()
    if isinstance(key, UUID):
        return str(key)
    raise NotJson(place, f"has a key of type {type(key).__name__}; use text")


def _integer(value: Any, place: Place) -> int:
    number = int(value)
    if number.bit_length() > MAX_DIGITS * 3.32:
        raise NotJson(place, f"is an integer of more than {MAX_DIGITS:,} digits")
    return number


def _float(value: Any, place: Place) -> float | None:
    return float(value) if math.isfinite(value) else None


def _text(value: str) -> str:
    return without_object_addresses(value if value.isascii() else value.encode("utf-8", "replace").decode())


def _refuse(value: Any, place: Place) -> Any:
    advice = "; decode them, or write them as hex or base64" if isinstance(value, _BYTES) else ""
    raise NotJson(place, f"is of type {type(value).__name__}{advice}")


def _shown(place: Place) -> str:
    """Such as `result['items'][0]`; only places that a key of text or an index leads to."""
    shown = "result" + "".join(f"[{key!r}]" for key in place if isinstance(key, str | int))
    return shown if len(shown) <= PLACE_CHARACTERS else f"{shown[:PLACE_CHARACTERS]}..."
