"""Protocols of other clients, translated to the same domain calls as the reference API: one package per dialect."""

from __future__ import annotations

from flask import Flask

from app.dialects import gen1


def register(app: Flask) -> None:
    """Mount every dialect. The reference API must be mounted before."""
    gen1.register(app)
