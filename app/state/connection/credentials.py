"""Credentials from a file, read again for each connection: a password that was changed needs no restart."""

from __future__ import annotations

from pathlib import Path

from redis import CredentialProvider
from redis.connection import parse_url
from redis.exceptions import AuthenticationError

from app import redis_urls


class CredentialsFile(CredentialProvider):
    """The user and password of the URL in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        """Called for each new connection. Raises `AuthenticationError`, which is `Unavailable`."""
        try:
            given = parse_url(redis_urls.read(self._path.read_text().strip()).url)
        except (OSError, ValueError) as error:
            raise AuthenticationError(f"No Redis URL in {str(self._path)!r} ({type(error).__name__})") from None
        return given.get("username", "default"), given.get("password", "")
