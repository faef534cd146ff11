"""The settings of owners: who may sign in, and for how long a token counts. Without them nobody signs in."""

from __future__ import annotations

from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings

MIN_SECRET_BYTES = 32
"""RFC 7518, section 3.2: a key of HS256 has at least as many bits as its hash."""


class OwnerSettings(BaseSettings):
    """docs/owners.md says how to use them."""

    oidc_issuer: str = Field(
        "",
        description="OpenID Connect issuer whose users own their sessions, such as `https://login.example`; see "
        "[owners.md](owners.md)",
    )
    oidc_audience: str = Field(
        "",
        description="audience that a user's token must have (`aud`), required with `AOMI_OIDC_ISSUER`; several are "
        "separated by commas",
    )
    jwt_secret: SecretStr | None = Field(
        None, description="instead of an issuer: the secret of at least 32 bytes that signs users' tokens by HS256"
    )
    token_leeway: float = Field(30, ge=0, le=600, description="clock skew of the issuer that tokens are forgiven")
    token_grace: float = Field(
        3600, ge=0, description="how long an open stream may go on after its user's token has expired"
    )
    ticket_ttl: int = Field(
        60, ge=5, le=3600, description="how long a ticket for `EventSource` can be used, from `POST /api/tickets`"
    )
    claim_apps: str = Field("aomi_apps", min_length=1, description="claim that names the apps a token opens")
    claim_budget: str = Field("aomi_budget", min_length=1, description="claim with a user's budget, US$ a month")
    claim_requests_per_minute: str = Field(
        "aomi_requests_per_minute", min_length=1, description="claim with a user's writing requests a minute"
    )
    claim_running_turns: str = Field(
        "aomi_running_turns", min_length=1, description="claim with a user's concurrent turns"
    )
    requests_per_minute_user: int = Field(
        0, ge=0, description="writing requests of one user, if the token says nothing else; `0` is no limit"
    )
    turns_per_user: int = Field(
        0, ge=0, description="concurrent turns of one user, if the token says nothing else; `0` is no limit"
    )

    @property
    def owners(self) -> bool:
        """Whether sessions have owners."""
        return bool(self.oidc_issuer or self.jwt_secret)

    @property
    def audiences(self) -> list[str]:
        """The audiences of which a token must have one; [] admits every token of the secret."""
        return [part.strip() for part in self.oidc_audience.split(",") if part.strip()]

    @model_validator(mode="after")
    def _is_one_whole_way(self) -> Self:
        """Errors of a validator of the whole have no variable, so each names its own."""
        if self.jwt_secret is not None and len(self.jwt_secret.get_secret_value().encode()) < MIN_SECRET_BYTES:
            raise ValueError(f"AOMI_JWT_SECRET must have at least {MIN_SECRET_BYTES} bytes: openssl rand -base64 32")
        if self.oidc_issuer and self.jwt_secret:
            raise ValueError("AOMI_OIDC_ISSUER and AOMI_JWT_SECRET exclude each other; set one of them")
        if self.oidc_issuer and not self.audiences:
            raise ValueError("AOMI_OIDC_AUDIENCE must be set with AOMI_OIDC_ISSUER: tokens for others must not count")
        if self.oidc_issuer and not _is_issuer(self.oidc_issuer):
            raise ValueError("AOMI_OIDC_ISSUER must be an address such as https://login.example, without a query")
        return self


def _is_issuer(url: str) -> bool:
    """http is for tests and for a network of one's own: an issuer's address is where its keys come from."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("https", "http") and bool(parts.hostname) and not (parts.query or parts.fragment)
    except ValueError:
        return False
