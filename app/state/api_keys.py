"""API keys. Only their SHA-256 is stored; a key is shown once, when it is made."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from app import json
from app.state import keys
from app.state.store import Store, digest, dumps, now, text_fields

EVERY_APP = "*"


@dataclass(frozen=True)
class ApiKey:
    """What is known of a key. `id` is the start of its SHA-256; `budget` is in US$ a month, None without one."""

    id: str
    apps: tuple[str, ...]
    label: str
    created_at: str
    budget: Decimal | None = None

    def allows(self, app: str) -> bool:
        """Whether the key opens `app`."""
        return app in self.apps or EVERY_APP in self.apps


class ApiKeys:
    """The keys that open apps other than the default one."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._redis = store.redis

    def issue(self, apps: tuple[str, ...], label: str = "", **more: Any) -> str:
        """Make a key for `apps` (`*` is every app), with `more` fields, and return it; it cannot be read again."""
        key = f"aomi_{secrets.token_urlsafe(32)}"
        fields = {"apps": dumps(apps), "label": label, "created_at": now("microseconds")}
        fields |= {name: str(value) for name, value in more.items()}
        self._redis.hset(keys.api_key(_digest(key)), mapping=fields)
        return key

    def find(self, key: str) -> ApiKey | None:
        """The key as stored, or None for one nobody knows."""
        digest = _digest(key)
        fields = self._store.fields(keys.api_key(digest))
        return _read(digest, fields) if fields else None

    def all(self) -> list[ApiKey]:
        """Every key, oldest first."""
        names = list(self._redis.scan_iter(match=keys.API_KEYS, count=1000))
        found = [(name.decode().split(":")[1], text_fields(self._redis.hgetall(name))) for name in names]
        return sorted((_read(digest, fields) for digest, fields in found if fields), key=lambda key: key.created_at)

    def revoke(self, key_or_id: str) -> int:
        """Remove the key given in full or by its id (at least 8 characters). Returns how many were removed."""
        doomed = {keys.api_key(_digest(key_or_id))}
        if len(key_or_id) >= 8 and all(char in "0123456789abcdef" for char in key_or_id):
            doomed |= {name.decode() for name in self._redis.scan_iter(match=keys.api_key(f"{key_or_id}*"))}
        return self._redis.delete(*doomed)


def _digest(key: str) -> str:
    return digest(key.encode("utf-8", "surrogateescape"))


def _read(digest: str, fields: dict[str, str]) -> ApiKey:
    apps = tuple(json.loads(fields["apps"]))
    budget = Decimal(fields["budget"]) if fields.get("budget") else None
    return ApiKey(digest[:12], apps, fields["label"], fields["created_at"], budget)
