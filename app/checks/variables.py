"""Variables of the environment and of `.env` that nothing reads."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from app.checks.problems import Problem
from app.checks.spelling import misspelt, nearest
from app.errors import ConfigError

PREFIX = "AOMI_"

OF_COMMANDS = ("AOMI_URL", "AOMI_API_KEY", "AOMI_TOKEN")
"""Read by `aomi chat`."""

WITHOUT_PREFIX = ("REDIS_URL", "REDIS_URL_FILE", "PORT", "HOST", "WEB_CONCURRENCY")
"""Variables of the same meaning everywhere, so that platforms set them."""

_OF_KUBERNETES = re.compile(
    r"AOMI_(?:\w+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)"
)
"""What Kubernetes sets in every container for a service whose name begins with `aomi`, besides `AOMI_PORT`:
https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables"""


@dataclass(frozen=True)
class EnvFile:
    """The lines on which a `.env` file sets its variables, and the lines that set none."""

    path: Path
    lines: Mapping[str, int]
    unread: tuple[int, ...] = ()

    def place(self, variable: str) -> str:
        """File and line of the variable, '' if the file does not set it."""
        line = self.lines.get(variable)
        return f"{self.path}:{line}" if line else ""


NUMBERS = {"PORT": 0, "WEB_CONCURRENCY": 1}
"""The lowest values of variables that gunicorn reads."""


def whole_number(name: str, text: str) -> int:
    """The value of one of `NUMBERS`. Raises `ValueError`, which says what would be right."""
    if not text.isdecimal():
        raise ValueError(f"{name}: must be a whole number, not {text!r}")
    if int(text) < NUMBERS[name]:
        raise ValueError(f"{name}: must be {NUMBERS[name]} or more")
    return int(text)


def read_env_file(path: Path, environment: Mapping[str, str]) -> EnvFile:
    """The variables that have their value from the file: `environment` goes before it. A missing file has none, nor has
    a pipe, which can be read only once. Raises `ConfigError`: it cannot be read."""
    if not path.is_file():
        return EnvFile(path, {})
    try:
        with path.open(encoding="utf-8") as stream:
            bindings = list(parse_stream(stream))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({type(error).__name__})") from None
    unread = tuple(_line(one) for one in bindings if one.error or (one.key and one.value is None))
    set_here = {one.key: _line(one) for one in bindings if one.key and environment.get(one.key) in (None, one.value)}
    return EnvFile(path, set_here, unread)


def problems(environment: Mapping[str, str], known: Collection[str], file: EnvFile) -> Iterator[Problem]:
    """Each `AOMI_*` variable that nothing reads, refused if it is a misspelling of one that is not set; each line of
    the file that sets nothing."""
    for name in NUMBERS:
        if environment.get(name):
            yield from _number(name, environment[name], file)
    for line in file.unread:
        yield Problem(f"{file.path}:{line}", "sets nothing; write NAME=value", refused=False)
    for name in sorted(environment):
        upper = name.upper()
        if not upper.startswith(PREFIX) or upper in known or _of_kubernetes(upper, environment[name]):
            continue
        yield _unread(name, environment, known, file)


def _number(name: str, text: str, file: EnvFile) -> Iterator[Problem]:
    try:
        whole_number(name, text)
    except ValueError as error:
        yield Problem(file.place(name), str(error))


def _unread(name: str, environment: Mapping[str, str], known: Collection[str], file: EnvFile) -> Problem:
    bare, said = name.upper().removeprefix(PREFIX), f"{name}: there is no such setting"
    by_bare = {other.removeprefix(PREFIX): other for other in (*WITHOUT_PREFIX, *known)}
    if slip := misspelt(bare, by_bare):
        right = by_bare[slip]
        return Problem(file.place(name), f"{said}; did you mean {right}?", refused=right not in environment)
    near = next((other for other in by_bare if other.startswith(f"{bare}_")), None) or nearest(bare, by_bare, 0.8)
    return Problem(file.place(name), said + (f"; did you mean {by_bare[near]}?" if near else ""), refused=False)


def _of_kubernetes(name: str, value: str) -> bool:
    """Whether it is one of those, or such as `AOMI_PORT=tcp://10.0.0.1:80`."""
    return bool(_OF_KUBERNETES.fullmatch(name)) or (name.endswith("_PORT") and "://" in value)


def _line(binding: Binding) -> int:
    """Where a variable is set: the parser counts the blank lines before it to it."""
    text = binding.original.string
    return binding.original.line + text[: len(text) - len(text.lstrip())].count("\n")
