"""The public keys of an OpenID Connect issuer: found by its discovery document, cached, and read again when they are
old or when a token names another one.

Sources: OpenID Connect Discovery 1.0, sections 3 and 4; RFC 7517 (JWK); OpenID Connect Core 1.0, section 10.1.1 (the
rotation of keys).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from app import exact_json, limited_http
from app.errors import NotReady

log = logging.getLogger(__name__)

FETCH_SECONDS = 5.0
"""Of the discovery document and the keys together."""

FRESH_SECONDS = 300.0
"""Age of the keys at which they are read again, beside the requests."""

PAUSE_SECONDS = 5.0
"""The shortest time between two fetches, whatever tokens name: the issuer must not be flooded through us."""

MOST_KEYS = 100

MIN_RSA_BITS = 2048
"""RFC 7518, section 3.3."""

DISCOVERY = "/.well-known/openid-configuration"

TYPES = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
"""The type of the key (`kty`) of an algorithm, by its first letters."""


class IssuerFailed(Exception):
    """The issuer gave no usable response; the message is for the operator."""


@dataclass(frozen=True)
class PublicKey:
    """A key of the issuer. `kid` and `algorithm` are '' where it does not say them."""

    kid: str
    kind: str
    algorithm: str
    key: Any

    def fits(self, algorithm: str) -> bool:
        """Whether a token may be signed by it with this algorithm."""
        return self.kind == TYPES[algorithm[:2]] and self.algorithm in ("", algorithm)


class Issuer:
    """The keys of one issuer. Nothing is fetched before the first token. One request at a time fetches; the others go
    on with the keys that there are, and so does all else while the issuer is away."""

    def __init__(self, url: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._keys: tuple[PublicKey, ...] | None = None
        self._read_at = self._tried_at = float("-inf")
        self._is_refreshing = False

    def keys(self, kid: str, algorithm: str) -> list[PublicKey]:
        """The keys that may have signed a token: the one that it names, or all of its type if it names none.

        Raises `NotReady` when no keys could be read yet.
        """
        asked_at = self._monotonic()
        if self._keys is not None and (found := _fitting(self._keys, kid, algorithm)):
            if asked_at > self._read_at + FRESH_SECONDS and not self._is_refreshing:
                self._is_refreshing = True
                threading.Thread(target=self._refresh, args=(asked_at,), daemon=True).start()
            return found
        self._read_again(asked_at)
        if self._keys is None:
            raise NotReady("The keys of the sign-in service cannot be read; try again shortly")
        return _fitting(self._keys, kid, algorithm)

    def _refresh(self, asked_at: float) -> None:
        try:
            self._read_again(asked_at)
        finally:
            self._is_refreshing = False

    def _read_again(self, asked_at: float) -> None:
        """Unless another request did since this one came, or one did a moment ago."""
        with self._lock:
            if self._tried_at >= asked_at or self._monotonic() < self._tried_at + PAUSE_SECONDS:
                return
            try:
                self._keys = _fetch(self._url)
                self._read_at = self._monotonic()
            except (IssuerFailed, *limited_http.FAILURES) as error:
                why = str(error) if isinstance(error, IssuerFailed) else type(error).__name__
                log.warning("the keys of AOMI_OIDC_ISSUER cannot be read (%s); those that were read before count", why)
            finally:
                self._tried_at = self._monotonic()


def _fitting(keys: Sequence[PublicKey], kid: str, algorithm: str) -> list[PublicKey]:
    return [key for key in keys if key.fits(algorithm) and (not kid or key.kid == kid)]


def _fetch(issuer: str) -> tuple[PublicKey, ...]:
    """Raises `IssuerFailed`, and the `FAILURES` of limited_http."""
    with limited_http.pool(FETCH_SECONDS) as connections:
        found = _json(connections, issuer.rstrip("/") + DISCOVERY)
        if found.get("issuer") != issuer:
            raise IssuerFailed(f"its discovery document says that it is {str(found.get('issuer'))[:200]!r}")
        place = found.get("jwks_uri")
        if not isinstance(place, str) or not _is_as_safe(place, issuer):
            raise IssuerFailed("its discovery document has no jwks_uri by https")
        listed = _json(connections, place).get("keys")
    if not isinstance(listed, list):
        raise IssuerFailed("its keys are no JSON Web Key Set")
    return tuple(key for key in map(_public_key, listed[:MOST_KEYS]) if key)


def _is_as_safe(place: str, issuer: str) -> bool:
    try:
        schemes = {urlsplit(place).scheme, urlsplit(issuer).scheme}
    except ValueError:
        return False
    return schemes in ({"https"}, {"http"}) or (schemes == {"http", "https"} and issuer.startswith("http:"))


def _json(connections: limited_http.Pool, url: str) -> dict[str, Any]:
    response = connections.request("GET", url, headers={"Accept": "application/json", "Accept-Encoding": "identity"})
    if response.status != 200:
        raise IssuerFailed(f"HTTP status {response.status} at {urlsplit(url).path}")
    try:
        value = exact_json.loads(response.content)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise IssuerFailed(f"no JSON at {urlsplit(url).path}")
    return value


def _public_key(jwk: Any) -> PublicKey | None:
    """None for a key that signs no tokens, or of a type that is not known: others may be there for others."""
    if not isinstance(jwk, dict) or jwk.get("kty") not in TYPES.values() or jwk.get("use", "sig") != "sig":
        return None
    public = {name: value for name, value in jwk.items() if name != "d"}
    try:
        key = PyJWK(public).key
    except (PyJWTError, ValueError, TypeError):
        return None
    if isinstance(key, RSAPublicKey) and key.key_size < MIN_RSA_BITS:
        return None
    kid, algorithm = jwk.get("kid"), jwk.get("alg")
    return PublicKey(
        kid if isinstance(kid, str) else "", jwk["kty"], algorithm if isinstance(algorithm, str) else "", key
    )
