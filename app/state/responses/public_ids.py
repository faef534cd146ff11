"""Ids for clients that must not learn a session's id: it opens the session in the reference API.

An id is what it stands for, encrypted with AES-SIV (RFC 5297): the same each time, and of no use with another API key
than the one that it was made for. So nothing is stored but the one key, and a deleted session's ids stand for nothing.
"""

from __future__ import annotations

import base64
import time
import uuid
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from app.state import redis_keys
from app.state.scripts import Store

KEY_BITS = 256
KEY_SECONDS = 5.0
"""How long a process uses the key without reading it again: it is a new one when Redis was emptied."""

UUID_BYTES = 16


@dataclass(frozen=True)
class PublicTurn:
    """Session, run and thread that the id of a turn stands for."""

    session_id: str
    run_id: str
    thread_id: str


class PublicIds:
    """Makes and reads them. `api_key` is the id of the API key, or of the user, that an id is for, '' for none."""

    def __init__(self, store: Store) -> None:
        self._redis = store.redis
        self._cipher: AESSIV | None = None
        self._read_at = 0.0

    def of_session(self, session_id: str, api_key: str) -> str:
        """The id of a session, whose own id is a UUID."""
        return self._encrypted(uuid.UUID(session_id).bytes, "session", api_key)

    def of_turn(self, turn: PublicTurn, api_key: str) -> str:
        """The id of a turn."""
        parts = (turn.session_id, *(one.rpartition("_")[2] for one in (turn.run_id, turn.thread_id)))
        return self._encrypted(b"".join(uuid.UUID(part).bytes for part in parts), "turn", api_key)

    def session_for(self, digest: bytes) -> str:
        """The id of a session, a UUID, that follows from a digest for those alone who have the key."""
        tag = self._aes().encrypt(digest, [b"session for"])[:UUID_BYTES]
        return str(uuid.UUID(bytes=tag, version=4))

    def sealed(self, plain: bytes, purpose: str) -> str:
        """Any text, encrypted; no id of a session or a turn is read as it."""
        return self._encrypted(plain, f"sealed {purpose}", "")

    def unsealed(self, text: str, purpose: str) -> bytes:
        """The text that was sealed for this purpose, b"" for what was not."""
        return self._decrypted(text, f"sealed {purpose}", "")

    def session(self, public_id: str, api_key: str) -> str | None:
        """The session's id, None if this is no id of a session, or one for another API key."""
        plain = self._decrypted(public_id, "session", api_key)
        return str(uuid.UUID(bytes=plain)) if len(plain) == UUID_BYTES else None

    def turn(self, public_id: str, api_key: str) -> PublicTurn | None:
        """The turn, None if this is no id of a turn, or one for another API key."""
        plain = self._decrypted(public_id, "turn", api_key)
        if len(plain) != 3 * UUID_BYTES:
            return None
        session, run, thread = (uuid.UUID(bytes=plain[at : at + UUID_BYTES]) for at in range(0, len(plain), UUID_BYTES))
        return PublicTurn(str(session), f"run_{run.hex}", f"thread_{thread.hex}")

    def _encrypted(self, plain: bytes, kind: str, api_key: str) -> str:
        secret = self._aes().encrypt(plain, [kind.encode(), api_key.encode()])
        return base64.urlsafe_b64encode(secret).decode().rstrip("=")

    def _decrypted(self, public_id: str, kind: str, api_key: str) -> bytes:
        """b"" for what was not made here."""
        try:
            secret = base64.b64decode(f"{public_id}{'=' * (-len(public_id) % 4)}", altchars=b"-_", validate=True)
            return self._aes().decrypt(secret, [kind.encode(), api_key.encode()])
        except (ValueError, InvalidTag):
            return b""

    def _aes(self) -> AESSIV:
        now = time.monotonic()
        if self._cipher is None or now > self._read_at + KEY_SECONDS:
            stored = self._redis.get(redis_keys.PUBLIC_ID_KEY)
            self._cipher, self._read_at = AESSIV(stored or self._new_key()), now
        return self._cipher

    def _new_key(self) -> bytes:
        """Of two processes that make one at once, both get the same."""
        self._redis.set(redis_keys.PUBLIC_ID_KEY, AESSIV.generate_key(KEY_BITS), nx=True)
        made: bytes = self._redis.get(redis_keys.PUBLIC_ID_KEY)
        return made
