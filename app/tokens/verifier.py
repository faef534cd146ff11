"""Checks tokens: the form, the algorithm, the signature, the times, the audience; each token once.

RFC 8725 (JSON Web Token Best Current Practices): algorithms are pinned and tied to the kind of key, so that no token
chooses how it is checked.
"""

from __future__ import annotations

import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import jwt
from jwt.exceptions import (
    ExpiredSignatureError,
    ImmatureSignatureError,
    InvalidAudienceError,
    InvalidIssuerError,
    InvalidSignatureError,
    MissingRequiredClaimError,
    PyJWTError,
)

from app.config import Settings
from app.tokens.issuer import Issuer
from app.tokens.user import BadClaim, User, user_of

OF_ISSUER = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
OF_SECRET = ("HS256",)

MAX_CHARACTERS = 8192
"""Of a token."""

KEPT = 10_000
"""Tokens that a process remembers."""

KEPT_SECONDS = 300.0
"""How long a checked token is not checked again: as long as the issuer's keys count as fresh."""

FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")


class BadToken(Exception):
    """The token admits nobody; the message says why, and nothing of what is in it."""


def has_form(text: str) -> bool:
    """Whether this has the form of a JWT. (No API key of ours has a dot.)"""
    return FORM.fullmatch(text) is not None


@dataclass(frozen=True)
class _Checked:
    user: User
    until: float


class Verifier:
    """The user of a token. `now` is in seconds since 1970."""

    def __init__(self, settings: Settings, now: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._now = now
        self._secret = settings.jwt_secret.get_secret_value() if settings.jwt_secret else ""
        self._issuer = Issuer(settings.oidc_issuer) if settings.oidc_issuer else None
        self._algorithms = OF_ISSUER if self._issuer else OF_SECRET
        self._checked: OrderedDict[bytes, _Checked] = OrderedDict()
        self._lock = threading.Lock()

    def user(self, token: str) -> User:
        """Raises `BadToken`; `NotReady` while the issuer's keys cannot be read."""
        digest = sha256(token.encode("utf-8", "surrogatepass")).digest()
        checked = self._checked.get(digest)
        if checked is None or self._now() >= checked.until:
            user = self._verified(token)
            checked = _Checked(user, self._now() + KEPT_SECONDS)
            self._remember(digest, checked)
        if self.is_over(checked.user):
            raise BadToken("The token has expired; get a new one")
        return checked.user

    def is_over(self, user: User, grace: float = 0) -> bool:
        """Whether the user's token expired more than `grace` seconds ago."""
        return self._now() >= user.expires_at + self._settings.token_leeway + grace

    def _remember(self, digest: bytes, checked: _Checked) -> None:
        with self._lock:
            self._checked[digest] = checked
            while len(self._checked) > KEPT:
                self._checked.popitem(last=False)

    def _verified(self, token: str) -> User:
        header = _header(token)
        algorithm = str(header.get("alg"))
        if algorithm not in self._algorithms:
            raise BadToken(f"The token must be signed by {', '.join(self._algorithms)}")
        for key in self._keys(header, algorithm):
            try:
                return user_of(self._claims(token, key, algorithm), self._settings)
            except InvalidSignatureError:
                continue
            except BadClaim as error:
                raise BadToken(f"The token is not valid: {error}") from None
            except (PyJWTError, ValueError, OverflowError, TypeError) as error:
                raise BadToken(_reason(error)) from None
        raise BadToken("The token's signature is not valid, or its key is unknown")

    def _keys(self, header: dict[str, Any], algorithm: str) -> Iterator[Any]:
        if self._issuer is None:
            yield self._secret
            return
        kid = header.get("kid")
        yield from (one.key for one in self._issuer.keys(kid if isinstance(kid, str) else "", algorithm))

    def _claims(self, token: str, key: Any, algorithm: str) -> dict[str, Any]:
        audiences, issuer = self._settings.audiences, self._settings.oidc_issuer
        required = ["exp", "sub"] + (["iss"] if issuer else []) + (["aud"] if audiences else [])
        return jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=audiences or None,
            issuer=issuer or None,
            leeway=self._settings.token_leeway,
            options={"require": required, "verify_aud": bool(audiences), "verify_iss": bool(issuer)},
        )


def _header(token: str) -> dict[str, Any]:
    """Raises `BadToken`."""
    if len(token) > MAX_CHARACTERS:
        raise BadToken(f"The token may have at most {MAX_CHARACTERS:,} characters")
    try:
        return jwt.get_unverified_header(token)
    except (PyJWTError, ValueError, RecursionError):
        raise BadToken("The token is no JWT") from None


def _reason(error: Exception) -> str:
    reasons: dict[type[Exception], str] = {
        ExpiredSignatureError: "The token has expired; get a new one",
        ImmatureSignatureError: "The token is not valid yet; compare the clocks",
        InvalidAudienceError: "The token is for another audience; ask for one for this backend",
        InvalidIssuerError: "The token is of another issuer",
    }
    if isinstance(error, MissingRequiredClaimError):
        return f"The token lacks the claim {error.claim!r}"
    return reasons.get(type(error), "The token is not valid")
