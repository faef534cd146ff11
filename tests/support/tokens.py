"""Users' tokens, signed by the secret of the tests."""

from __future__ import annotations

import time
from typing import Any

import jwt

SECRET = "a secret of 32 bytes, or of more"


def token(sub: str, seconds: float = 1e6, **more: Any) -> str:
    """A token that lasts so long."""
    return jwt.encode({"sub": sub, "exp": time.time() + seconds} | more, SECRET, "HS256")


def bearer(sub: str, seconds: float = 1e6, **more: Any) -> dict[str, str]:
    """The header with it."""
    return {"Authorization": f"Bearer {token(sub, seconds, **more)}"}
