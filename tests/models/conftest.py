"""Fixtures: all scripted providers, and a backend in each stream mode that has them as its models."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.models.provider import Providers
from tests.models.stack import Stacks, configuration, in_both_modes


@pytest.fixture(scope="session")
def stacks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stacks]:
    """A backend in each mode."""
    providers = Providers()
    with (
        providers.running() as url,
        in_both_modes(tmp_path_factory, configuration(url), providers.journal, HF_ENDPOINT=f"{url}/hub") as started,
    ):
        yield started
