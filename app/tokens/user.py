"""The user that a token names, and what its claims allow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from typing import Any

from app.config import Settings

EVERY_APP = "*"

SUB_CHARACTERS = 255
"""OpenID Connect Core 1.0, section 2: `sub` has at most 255 characters."""

MOST_APPS = 1000
MOST_DOLLARS = Decimal(10) ** 12


class BadClaim(ValueError):
    """A claim is not what it must be; the message says what would be right."""


@dataclass(frozen=True)
class User:
    """`expires_at` is the token's `exp`, in seconds since 1970. `apps` are opened besides the default one. A limit of
    None is that of the settings, 0 is no limit; `budget` is in US$ a month, None without a bound."""

    sub: str
    expires_at: float
    apps: tuple[str, ...] = ()
    budget: Decimal | None = None
    requests_per_minute: int | None = None
    running_turns: int | None = None

    @property
    def id(self) -> str:
        """Names the user's data in Redis."""
        return user_id(self.sub)

    def allows(self, app: str) -> bool:
        """Whether the token opens `app`, which is not the default one."""
        return app in self.apps or EVERY_APP in self.apps


def user_id(sub: str) -> str:
    """SHA-256 in hex. No client's id has the same: the first byte is in no UTF-8."""
    return sha256(b"\xff" + sub.encode("utf-8", "surrogatepass")).hexdigest()


def user_of(claims: Mapping[str, Any], settings: Settings) -> User:
    """Of the claims of a valid token. Raises `BadClaim`: a limit that is not understood must not be left out."""
    sub = claims["sub"]
    if not isinstance(sub, str) or not 0 < len(sub) <= SUB_CHARACTERS or not sub.isprintable():
        raise BadClaim(f"'sub' must be a string of 1 to {SUB_CHARACTERS} printable characters")
    return User(
        sub=sub,
        expires_at=float(claims["exp"]),
        apps=_apps(claims, settings.claim_apps),
        budget=_dollars(claims, settings.claim_budget),
        requests_per_minute=_number(claims, settings.claim_requests_per_minute),
        running_turns=_number(claims, settings.claim_running_turns),
    )


def _apps(claims: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = claims.get(name)
    named = value.split() if isinstance(value, str) else [] if value is None else value
    are_names = isinstance(named, list) and all(isinstance(app, str) and app.isprintable() for app in named)
    if not are_names or len(named) > MOST_APPS:
        raise BadClaim(f"{name!r} must be a list of apps, or their names with spaces between")
    return tuple(named)


def _dollars(claims: Mapping[str, Any], name: str) -> Decimal | None:
    value = claims.get(name)
    if value is None:
        return None
    try:
        dollars = Decimal(str(value))
    except InvalidOperation:
        dollars = Decimal("NaN")
    if isinstance(value, bool) or not dollars.is_finite() or not 0 <= dollars <= MOST_DOLLARS:
        raise BadClaim(f"{name!r} must be US$ a month, such as 2.5")
    return dollars


def _number(claims: Mapping[str, Any], name: str) -> int | None:
    value = claims.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise BadClaim(f"{name!r} must be a whole number, 0 for no limit")
    return value
