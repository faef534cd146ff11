"""The Redis of the settings, as commands use it."""

from __future__ import annotations

from app import config
from app.state.connection import clients
from app.state.scripts import Store

TIMEOUT_SECONDS = 5.0
"""Longer than in a web process, where a request waits."""


def open_store() -> Store:
    """The store on REDIS_URL, with the settings of the environment. Raises `ConfigError`."""
    settings = config.load()
    return Store(clients.commands(settings, timeout=TIMEOUT_SECONDS), settings)


def ping() -> None:
    """Raises `Unavailable` if the Redis at REDIS_URL does not answer, and `ConfigError`."""
    clients.commands(config.load(), timeout=TIMEOUT_SECONDS).ping()
