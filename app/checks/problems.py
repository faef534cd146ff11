"""One thing that is wrong, on one line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from app.errors import ConfigError


@dataclass(frozen=True)
class Problem:
    """`place` is a file and a line, such as `aomi.yaml:12`, or '' for a variable of the environment, which the message
    names. A `refused` problem keeps processes from starting; any other one is a warning."""

    place: str
    message: str
    refused: bool = True

    def __str__(self) -> str:
        text = f"{self.place}: {self.message}" if self.place else self.message
        return " ".join(text.split())


def refuse(problems: Iterable[Problem]) -> None:
    """Raises `ConfigError`, with one line for each refused problem, if there is one, and with the warnings."""
    found = list(problems)
    if refused := [problem for problem in found if problem.refused]:
        raise ConfigError("\n".join(map(str, refused)), warnings(found))


def warnings(problems: Iterable[Problem]) -> list[str]:
    """The problems that are not refused, one line each."""
    return [str(problem) for problem in problems if not problem.refused]
