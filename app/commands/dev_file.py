"""How other `aomi` commands find the backend of the `aomi dev` in their folder: by a file with its addresses.

The file is locked while `aomi dev` runs. A file without a lock was left behind by one that was killed.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

DATA = Path(".aomi")
"""The data directory of `aomi dev`."""

FILE = DATA / "dev.json"

REDIS = ("REDIS_URL", "REDIS_URL_FILE", "AOMI_QUEUE_REDIS_URL", "AOMI_QUEUE_REDIS_URL_FILE", "AOMI_REDIS_PREFIX")
"""The variables that say where the data is."""

LOCK_SECONDS = 1.0
"""A command that looks whether the file is locked locks it for a moment."""


class Running(Exception):
    """Another `aomi dev` runs in this folder."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url


@contextmanager
def written() -> Iterator[IO[str]]:
    """Hold the file of this folder; `write` fills it. Raises `Running`."""
    DATA.mkdir(exist_ok=True)
    with open(FILE, "a+", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        if not _lock(file):
            raise Running(_variables(file).get("AOMI_URL", "another port"))
        try:
            yield file
        finally:
            file.truncate(0)


def write(file: IO[str], variables: dict[str, str]) -> None:
    """Make these the variables that other commands of the folder use: those of `REDIS`, AOMI_CONFIG, AOMI_URL."""
    file.truncate(0)
    json.dump(variables, file)
    file.flush()


def join() -> None:
    """Take what the environment lacks from the `aomi dev` in this folder, if one runs."""
    with suppress(OSError), FILE.open() as file:
        if _is_locked(file):
            variables = _variables(file)
            given = {name for name, value in os.environ.items() if value}
            if given & set(REDIS):  # they belong together
                given |= set(REDIS)
            os.environ.update({name: value for name, value in variables.items() if name not in given})


def _variables(file: IO[str]) -> dict[str, str]:
    file.seek(0)
    with suppress(ValueError):
        return dict(json.load(file))
    return {}


def _lock(file: IO[str]) -> bool:
    deadline = time.monotonic() + LOCK_SECONDS
    while time.monotonic() < deadline:
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(0.05)
    return False


def _is_locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False
