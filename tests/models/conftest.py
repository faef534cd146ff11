"""Fixtures: all scripted providers, and a backend in each stream mode that has them as its models."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.models.provider import Providers
from tests.models.stack import MODES, Stack, configuration, in_both_modes


@pytest.fixture(scope="session")
def stacks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Stack]]:
    """A backend in each mode, started side by side."""
    providers = Providers()
    with providers.running() as url:
        folders = {mode: tmp_path_factory.mktemp(mode) for mode in MODES}
        with in_both_modes(folders, configuration(url), providers.journal, HF_ENDPOINT=f"{url}/hub") as started:
            yield started
