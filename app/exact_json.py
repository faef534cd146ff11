"""JSON as fast as orjson and as exact as Python: integers of any size, such as amounts in wei.

orjson refuses to write an integer above 64 bits and reads one as a float; those go through the standard library.
"""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

_LONG_NUMBER = re.compile(rb"\d{19}")

_MAX_LEVELS = 254
"""Levels of nesting that orjson writes."""

_MAX_WRAPPING_LEVELS = 8
"""Levels that an event, a message and a response may put around a value."""


class TooDeep(ValueError):
    """A value is nested too deeply to be passed on."""


def dumps(value: Any) -> str:
    """Compact JSON as text; see `dump_bytes`."""
    return dump_bytes(value).decode()


def dump_bytes(value: Any) -> bytes:
    """Compact JSON as UTF-8; types that JSON lacks become text. Raises `TypeError` for a value nested too deeply."""
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:
        if not _has_long_number(value):
            raise
        return json.dumps(value, default=str, separators=(",", ":"), ensure_ascii=False).encode()


def loads(data: bytes | str) -> Any:
    """The value of some JSON. Raises `ValueError`."""
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    return json.loads(raw) if _LONG_NUMBER.search(raw) else orjson.loads(raw)


def strict(data: bytes) -> Any:
    """The value of untrusted JSON: no NaN, no lone surrogates, exact integers. Raises `ValueError`."""
    value = orjson.loads(data)
    if not _LONG_NUMBER.search(data):
        return value
    try:
        return json.loads(data)
    except RecursionError as error:
        raise TooDeep("nested too deeply") from error


def checked(value: Any) -> bytes:
    """`dump_bytes` of a value that will be nested in another one. Raises `TooDeep`."""
    nested = value
    for _ in range(_MAX_WRAPPING_LEVELS):
        nested = [nested]
    try:
        dump_bytes(nested)
        return dump_bytes(value)
    except (TypeError, RecursionError) as error:
        raise TooDeep("nested too deeply") from error


def _has_long_number(value: Any, levels: int = _MAX_LEVELS) -> bool:
    if isinstance(value, int):
        return not -(2**63) <= value < 2**64
    if not isinstance(value, dict | list | tuple):
        return False
    if levels == 0:
        raise TypeError("nested too deeply")
    parts = value.values() if isinstance(value, dict) else value
    results = [_has_long_number(part, levels - 1) for part in parts]  # all of them: any may be too deep
    return any(results)
