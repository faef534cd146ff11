"""Programs that a laptop may lack: what needs one is skipped there, and fails on CI."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest


def needed(program: str) -> str:
    """The program's path; without it a skip, on CI a failure."""
    return shutil.which(program) or missing(f"no {program} on this machine")


def missing(what: str) -> NoReturn:
    """Skips the test; fails it on CI."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(what)
