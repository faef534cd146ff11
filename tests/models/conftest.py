"""Fixtures: all scripted providers, and a backend in each stream mode that has them as its models."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from tests.models.provider import Providers
from tests.models.stack import MODES, Stack, running


@pytest.fixture(scope="session")
def stacks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Stack]]:
    """A backend in each mode, started side by side."""
    providers = Providers()
    with ExitStack() as opened, ThreadPoolExecutor() as pool:
        url = opened.enter_context(providers.running())
        folders = {mode: tmp_path_factory.mktemp(mode) for mode in MODES}
        starting = {
            mode: pool.submit(opened.enter_context, running(folders[mode], providers, url, mode)) for mode in MODES
        }
        yield {mode: future.result() for mode, future in starting.items()}
