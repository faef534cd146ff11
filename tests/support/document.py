"""The OpenAPI document as a fresh backend makes it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from app import create_app
from app.config import Settings
from app.services import build

ROOT = Path(__file__).parents[2]


@cache
def made() -> dict[str, Any]:
    """The document. No Redis is asked for it."""
    app = create_app(build(Settings(config=ROOT / "aomi.yaml")))
    return app.test_client().get("/openapi.json").get_json()
