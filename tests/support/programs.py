"""Programs that a laptop may lack: what needs one is skipped there, and fails on CI."""

from __future__ import annotations

import os
import shutil

import pytest


def needed(program: str) -> str:
    """The program's path; without it a skip, on CI a failure."""
    found = shutil.which(program)
    if found is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"no {program} on this machine")
    return found
