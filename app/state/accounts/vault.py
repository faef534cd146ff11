"""The vault: a client's own keys for model providers, and its secrets for tools. They are encrypted, stored under the
SHA-256 of the client's id, and used for the turns of that client alone."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from app import exact_json
from app.config import Settings
from app.errors import BadRequest, ConfigError, NotConfigured
from app.state import redis_keys
from app.state.ids import sha256_hex
from app.state.pairs import text_fields
from app.state.scripts import Store

log = logging.getLogger(__name__)

INTRODUCED_SECONDS = 60
"""How long a client is remembered that named a session before it exists: until its next request creates the session."""

MAX_PER_CLIENT = 50
"""Provider keys, and secrets, that one client may store."""

KEY_PREFIX_CHARACTERS = 7
MIN_CHARACTERS_TO_SHOW = 20
"""No prefix of a shorter provider key is shown."""

CLEARED_TOO = "cleared_with_secrets"
"""The field of a stored provider key that came as a secret, and is cleared with the secrets."""

NOT_CONFIGURED = "Keys and secrets of clients cannot be kept here: the operator has not set AOMI_ENCRYPTION_KEY"


@dataclass(frozen=True)
class ProviderKey:
    """The visible part of a client's own key: its first characters."""

    provider: str
    key_prefix: str
    label: str | None


class Vault:
    """Keys and secrets of all clients. `client` is always the `client_digest` of its id."""

    def __init__(self, store: Store) -> None:
        """Raises `ConfigError` when AOMI_ENCRYPTION_KEY is invalid."""
        self._store = store
        self._redis = store.redis
        self._life = store.settings.session_ttl
        self._cipher = _cipher(store.settings)

    # whose session it is

    def bind(self, session_id: str, client: str) -> bool:
        """Record that the session belongs to this client. False if there is no such session: nothing is stored."""
        args = {"client": client, "ttl": self._life}
        return bool(self._store.call("bind_client", [redis_keys.session(session_id)], args))

    def introduce(self, session_id: str, client: str) -> None:
        """As `bind`. For a session that does not exist yet the client is remembered for `INTRODUCED_SECONDS`, under a
        digest of the session's id: clients of gen-1 name themselves first and save a key then."""
        if not self.bind(session_id, client):
            self._redis.set(_introduced(session_id), client, ex=INTRODUCED_SECONDS)

    def client_of(self, session_id: str) -> str:
        """The client that the session belongs to, or that named it a moment ago; '' if there is none."""
        raw = self._redis.get(redis_keys.client(session_id)) or self._redis.get(_introduced(session_id))
        return raw.decode() if raw else ""

    # keys for model providers

    def save_provider_key(self, client: str, provider: str, key: str, label: str | None) -> ProviderKey:
        """Store a key; it replaces the provider's last one. Raises `NotConfigured`, `BadRequest`."""
        stored = self._encrypted_key(key, label)
        fields = {provider: exact_json.dumps(stored)}
        self._check_room(redis_keys.provider_keys(client), fields)
        self._write(redis_keys.provider_keys(client), fields)
        return ProviderKey(provider, stored["key_prefix"], label)

    def list_provider_keys(self, client: str) -> list[ProviderKey]:
        """The visible parts of the client's keys. Raises `NotConfigured`."""
        self._open()
        keys = {name: exact_json.loads(value) for name, value in self._all(redis_keys.provider_keys(client)).items()}
        readable = self._decrypted({name: key["key"] for name, key in keys.items()})
        return [
            ProviderKey(name, key["key_prefix"], key["label"]) for name, key in sorted(keys.items()) if name in readable
        ]

    def provider_keys(self, client: str) -> dict[str, str]:
        """The client's keys by provider, for a turn of its own; {} without a client."""
        if not (client and self._cipher):
            return {}
        stored = self._use(redis_keys.provider_keys(client))
        return self._decrypted({name: exact_json.loads(value)["key"] for name, value in stored.items()})

    def delete_provider_key(self, client: str, provider: str) -> bool:
        """Delete a key. False if there is none. Raises `NotConfigured`."""
        self._open()
        return bool(self._redis.hdel(redis_keys.provider_keys(client), provider))

    # secrets for tools

    def save_secrets(
        self, client: str, values: Mapping[str, str], provider_keys: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """Store secrets by name, and provider keys that the client sent as secrets, by provider. `clear_secrets`
        deletes both. Raises `NotConfigured`, `BadRequest`; then nothing is stored."""
        secrets = {name: self._encrypt(value) for name, value in values.items()}
        keys = {
            provider: exact_json.dumps(self._encrypted_key(key, None) | {CLEARED_TOO: True})
            for provider, key in provider_keys.items()
        }
        self._check_room(redis_keys.secrets(client), secrets)
        self._check_room(redis_keys.provider_keys(client), keys)
        self._write(redis_keys.secrets(client), secrets)
        self._write(redis_keys.provider_keys(client), keys)

    def secrets(self, client: str) -> dict[str, str]:
        """The client's secrets by name, for a tool's call in a turn of its own; {} without a client."""
        if not (client and self._cipher):
            return {}
        return self._decrypted(self._use(redis_keys.secrets(client)))

    def delete_secret(self, client: str, name: str) -> bool:
        """Delete a secret. False if there is none. Raises `NotConfigured`."""
        self._open()
        return bool(self._redis.hdel(redis_keys.secrets(client), name))

    def clear_secrets(self, client: str) -> None:
        """Delete all of the client's secrets, and the provider keys that it sent as secrets. Raises `NotConfigured`."""
        self._open()
        self._redis.delete(redis_keys.secrets(client))
        keys = {name: exact_json.loads(value) for name, value in self._all(redis_keys.provider_keys(client)).items()}
        if sent := [provider for provider, key in keys.items() if key.get(CLEARED_TOO)]:
            self._redis.hdel(redis_keys.provider_keys(client), *sent)

    def forget(self, client: str) -> None:
        """Delete all keys and secrets of the client, whether or not they can be decrypted."""
        for key in (redis_keys.provider_keys(client), redis_keys.secrets(client)):
            self._redis.delete(key)

    def _open(self) -> MultiFernet:
        if self._cipher is None:
            raise NotConfigured(NOT_CONFIGURED)
        return self._cipher

    def _encrypt(self, value: str) -> str:
        return self._open().encrypt(value.encode()).decode()

    def _decrypted(self, encrypted: dict[str, str]) -> dict[str, str]:
        values = {}
        for name, token in encrypted.items():
            try:
                values[name] = self._open().decrypt(token.encode()).decode()
            except InvalidToken:
                log.warning(
                    "a client's key or secret was encrypted with a key that AOMI_ENCRYPTION_KEY no longer has: add "
                    "that key after the first one, or let the client save its own again"
                )
        return values

    def _encrypted_key(self, key: str, label: str | None) -> dict[str, Any]:
        prefix = key[:KEY_PREFIX_CHARACTERS] if len(key) >= MIN_CHARACTERS_TO_SHOW else ""
        return {"key": self._encrypt(key), "key_prefix": prefix, "label": label}

    def _check_room(self, key: str, fields: dict[str, str]) -> None:
        """Raises `BadRequest` when the client would have too many."""
        stored = {raw.decode() for raw in self._redis.hkeys(key)} if fields else set()
        if len(stored | fields.keys()) > MAX_PER_CLIENT:
            raise BadRequest(f"A client may have at most {MAX_PER_CLIENT} of these; delete some first")

    def _write(self, key: str, fields: dict[str, str]) -> None:
        if not fields:
            return
        pipeline = self._redis.pipeline()
        pipeline.hset(key, mapping=fields)
        pipeline.expire(key, self._life)
        pipeline.execute()

    def _all(self, key: str) -> dict[str, str]:
        return text_fields(self._redis.hgetall(key))

    def _use(self, key: str) -> dict[str, str]:
        """As `_all`; renews the key's life."""
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.hgetall(key)
        pipeline.expire(key, self._life)
        return text_fields(pipeline.execute()[0])


def _introduced(session_id: str) -> str:
    return redis_keys.introduced(sha256_hex(session_id.encode()))


def client_digest(client_id: str) -> str:
    """The SHA-256 of a client's id, which names its data: the id itself is as good as a password."""
    return sha256_hex(client_id.encode("utf-8", "surrogatepass"))


def _cipher(settings: Settings) -> MultiFernet | None:
    setting = settings.encryption_key.get_secret_value() if settings.encryption_key else ""
    keys = [part.strip() for part in setting.split(",") if part.strip()]
    try:
        return MultiFernet([Fernet(key) for key in keys]) if keys else None
    except ValueError:
        raise ConfigError(
            "AOMI_ENCRYPTION_KEY must be Fernet keys, separated by commas; make one with: aomi encryption-key"
        ) from None
