"""Programs that npm has installed here: `make test` does that where npm is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.programs import missing

HERE = Path(__file__).parent


def program(pattern: str) -> Path:
    """The program below node_modules; without it a skip, on CI a failure if npm is there."""
    found = sorted((HERE / "node_modules").glob(pattern))
    if not found and shutil.which("npm") is None:
        pytest.skip("no npm on this machine")
    return found[0] if found else missing(f"npm has not installed {pattern}: make test-clients does that")
