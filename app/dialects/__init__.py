"""Protocols of other clients, translated to the same domain calls as the reference API: one package per dialect."""

from __future__ import annotations

from importlib import import_module

from flask import Flask

DIALECTS = (
    "gen1",
    "ai_sdk",
    "agui",
    "openai",
)
"""The packages, each with a function `register(app)` that mounts its paths. None knows another one."""


def register(app: Flask) -> None:
    """Mount every dialect. The reference API must be mounted before."""
    for name in DIALECTS:
        import_module(f"{__name__}.{name}").register(app)
