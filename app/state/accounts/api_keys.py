"""API keys. The id of a key never changes; its secret can, is shown once, and only its SHA-256 is stored."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from app import exact_json
from app.state import redis_keys
from app.state.clock import iso
from app.state.ids import sha256_hex
from app.state.pairs import text_fields, to_pairs
from app.state.scripts import Store

EVERY_APP = "*"

ID_CHARACTERS = 12
MIN_ID_PREFIX_CHARACTERS = 8
"""Characters of an id's beginning that name a key."""

LAST_USED_SECONDS = 60
"""Seconds between two updates of `last_used_at`."""

MAX_CACHED_IDS = 1000
"""Secrets whose key id a process caches."""


@dataclass(frozen=True, kw_only=True)
class KeyPolicy:
    """The settings of a key. A limit of None is that of the settings, 0 is no limit. `expires_at` '' is
    never; `budget` is in US$ a month."""

    apps: tuple[str, ...]
    label: str = ""
    expires_at: str = ""
    requests_per_minute: int | None = None
    running_turns: int | None = None
    budget: Decimal | None = None

    def fields(self) -> dict[str, str]:
        """The fields of the key's hash; '' for what is not set."""
        numbers = {name: getattr(self, name) for name in ("requests_per_minute", "running_turns", "budget")}
        texts = {name: "" if number is None else str(number) for name, number in numbers.items()}
        return {"apps": exact_json.dumps(self.apps), "label": self.label, "expires_at": self.expires_at} | texts


@dataclass(frozen=True, kw_only=True)
class ApiKey(KeyPolicy):
    """A key. `id` stays when its secret changes; `last_used_at` is right to a minute, '' before the first use.
    `expired`: `expires_at` had passed when it was read."""

    id: str
    created_at: str
    last_used_at: str = ""
    expired: bool = False

    def allows(self, app: str) -> bool:
        """Whether the key opens `app`."""
        return app in self.apps or EVERY_APP in self.apps


class ApiKeys:
    """The keys that open apps other than the default one."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._redis = store.redis
        self._clock = store.clock
        self._ids: dict[str, str] = {}

    def now(self) -> datetime:
        """The time by which keys expire, UTC."""
        return self._clock.now()

    def issue(self, apps: tuple[str, ...], label: str = "", **more: Any) -> str:
        """Create a key for `apps` (`*` is every app), with `more` of its `KeyPolicy`. Returns its secret, which cannot
        be read again."""
        policy = KeyPolicy(apps=apps, label=label, **more)
        key_id, secret = secrets.token_hex(ID_CHARACTERS // 2), _new_secret()
        fields = {name: value for name, value in policy.fields().items() if value or name == "label"}
        fields |= {"created_at": self._clock.now_iso("microseconds"), "sha256": _digest(secret)}
        self._redis.hset(redis_keys.api_key(key_id), mapping=fields)
        self._redis.hset(redis_keys.api_key_secret(_digest(secret)), "id", key_id)
        return secret

    def find(self, secret: str) -> ApiKey | None:
        """The key that has this secret, an expired one too; None if there is none.

        The time that this takes reveals nothing of a secret. The key is looked up by the secret's SHA-256, whose
        beginning a guesser cannot choose, and that is then compared in constant time.
        """
        digest = _digest(secret)
        cached_id = self._ids.get(digest, "")
        key_id, fields = self._read(digest, cached_id)
        if key_id != cached_id:
            fields = self._store.fields(redis_keys.api_key(key_id)) if key_id else {}
            self._remember(digest, key_id)
        if any(hmac.compare_digest(digest, stored) for stored in fields.get("sha256", "").split()):
            return _key(key_id, fields, self._clock.now())
        return None

    def get(self, key_id: str) -> ApiKey | None:
        """The key with this id."""
        fields = self._store.fields(redis_keys.api_key(key_id))
        return _key(key_id, fields, self._clock.now()) if fields else None

    def all(self) -> list[ApiKey]:
        """Every key, oldest first."""
        keys = (self.get(key_id) for key_id in self._with_id("*"))
        return sorted((key for key in keys if key), key=lambda key: key.created_at)

    def named(self, name: str) -> list[ApiKey]:
        """The keys that `name` may mean: a whole secret, an id, or at least 8 characters of an id's beginning."""
        if len(name) < MIN_ID_PREFIX_CHARACTERS or not all(char in "0123456789abcdef" for char in name):
            key = self.find(name)
            return [key] if key else []
        return [key for key in map(self.get, self._with_id(f"{name}*")) if key]

    def used(self, key: ApiKey) -> None:
        """Update `last_used_at`, once a minute."""
        now = self._clock.now()
        if key.last_used_at < iso(now - timedelta(seconds=LAST_USED_SECONDS)):
            self._update(key.id, {"last_used_at": iso(now)})

    def change(self, key: ApiKey, policy: KeyPolicy) -> bool:
        """Replace the key's policy. False if the key is gone."""
        return self._update(key.id, policy.fields())

    def rotate(self, key: ApiKey, overlap: int) -> str | None:
        """Give the key another secret and return it; earlier ones stay valid for `overlap` more seconds at most.

        None if the key is gone.
        """
        secret = _new_secret()
        earlier = [name for name in self._secret_names(key.id) if self._redis.exists(name)]
        valid = [_digest(secret), *(map(redis_keys.last_part, earlier) if overlap else ())]
        if not self._update(key.id, {"sha256": " ".join(valid)}):
            return None
        self._redis.hset(redis_keys.api_key_secret(_digest(secret)), "id", key.id)
        for name in earlier:
            left = self._redis.ttl(name)
            self._redis.expire(name, overlap if left < 0 else min(overlap, left))
        return secret

    def revoke(self, key: ApiKey) -> None:
        """Remove the key and its secrets."""
        names = self._secret_names(key.id)
        self._redis.delete(redis_keys.api_key(key.id))
        for name in names:
            self._redis.delete(name)

    def _read(self, digest: str, cached_id: str) -> tuple[str, dict[str, str]]:
        """The id of the key with this secret, '' if there is none, and the fields of the key `cached_id`, in one round
        trip."""
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.hget(redis_keys.api_key_secret(digest), "id")
        if cached_id:
            pipeline.hgetall(redis_keys.api_key(cached_id))
        key_id, *hashes = pipeline.execute()
        return (key_id or b"").decode(), text_fields(hashes[0]) if hashes else {}

    def _remember(self, digest: str, key_id: str) -> None:
        self._ids.pop(digest, None)
        if key_id:
            self._ids[digest] = key_id
        while len(self._ids) > MAX_CACHED_IDS:
            self._ids.pop(next(iter(self._ids)), None)

    def _with_id(self, pattern: str) -> Iterable[str]:
        names = {name.decode() for name in self._redis.scan_iter(match=redis_keys.api_key(pattern), count=1000)}
        return map(redis_keys.last_part, names)

    def _secret_names(self, key_id: str) -> list[str]:
        """The Redis keys of a key's secrets, the newest first."""
        digests = self._store.fields(redis_keys.api_key(key_id)).get("sha256", "").split()
        return list(map(redis_keys.api_key_secret, digests))

    def _update(self, key_id: str, fields: dict[str, str]) -> bool:
        return bool(self._store.call("update_hash", [redis_keys.api_key(key_id)], {"fields": to_pairs(fields)}))


def _new_secret() -> str:
    return f"aomi_{secrets.token_urlsafe(32)}"


def _digest(secret: str) -> str:
    return sha256_hex(secret.encode("utf-8", "surrogateescape"))


def _key(key_id: str, fields: dict[str, str], now: datetime) -> ApiKey:
    budget, expires_at = fields.get("budget"), fields.get("expires_at", "")
    return ApiKey(
        id=key_id,
        apps=tuple(exact_json.loads(fields["apps"])),
        label=fields.get("label", ""),
        created_at=fields["created_at"],
        expires_at=expires_at,
        expired=bool(expires_at) and expires_at <= iso(now),
        last_used_at=fields.get("last_used_at", ""),
        requests_per_minute=_number(fields.get("requests_per_minute")),
        running_turns=_number(fields.get("running_turns")),
        budget=Decimal(budget) if budget else None,
    )


def _number(text: str | None) -> int | None:
    return int(text) if text else None
