"""Durations as operators write them: `30m`, `24h`, `90d`."""

from __future__ import annotations

import re
from typing import Any

import click

SECONDS = {"m": 60, "h": 3600, "d": 86400}


class InvalidDuration(ValueError):
    """The text is no duration; the message says what is right."""


def seconds_of(text: str) -> int:
    """Seconds of `30m`, `24h`, `90d` or `0`. Raises `InvalidDuration`."""
    match = re.fullmatch(r"([0-9]{1,5})([mhd])", text)
    if match is None and text != "0":
        raise InvalidDuration(f"invalid duration {text!r}: use 30m, 24h, 90d or 0")
    return int(match[1]) * SECONDS[match[2]] if match else 0


class Duration(click.ParamType):
    """A duration as an option's value, in seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Raises `click.BadParameter`."""
        if isinstance(value, int):
            return value
        try:
            return seconds_of(value)
        except InvalidDuration as error:
            self.fail(str(error), param, ctx)
