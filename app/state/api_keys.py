"""API keys. A key has an id for good; its secret, of which only the SHA-256 is stored, is shown once and can change."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from app import exact_json
from app.state import redis_keys
from app.state.clock import iso, now_iso
from app.state.ids import sha256_hex
from app.state.pairs import text_fields, to_pairs
from app.state.scripts import Store

EVERY_APP = "*"

ID_CHARACTERS = 12
MIN_ID_PREFIX_CHARACTERS = 8
"""Of an id, as the name of a key."""

LAST_USED_SECONDS = 60
"""Seconds between two writes of when a key was last used."""

MAX_CACHED_IDS = 1000
"""Secrets whose key's id a process remembers."""


@dataclass(frozen=True, kw_only=True)
class KeyPolicy:
    """What an operator may set of a key. None leaves a limit to the settings, 0 is no limit. `expires_at` '' is never;
    `budget` is in US$ a month."""

    apps: tuple[str, ...]
    label: str = ""
    expires_at: str = ""
    requests_per_minute: int | None = None
    running_turns: int | None = None
    budget: Decimal | None = None

    def fields(self) -> dict[str, str]:
        """Those of the key's hash; '' stands for what is not set."""
        numbers = {name: getattr(self, name) for name in ("requests_per_minute", "running_turns", "budget")}
        texts = {name: "" if number is None else str(number) for name, number in numbers.items()}
        return {"apps": exact_json.dumps(self.apps), "label": self.label, "expires_at": self.expires_at} | texts


@dataclass(frozen=True, kw_only=True)
class ApiKey(KeyPolicy):
    """A key. `id` stays when its secret changes; `last_used_at` is right to a minute, '' before the first use."""

    id: str
    created_at: str
    last_used_at: str = ""

    def allows(self, app: str) -> bool:
        """Whether the key opens `app`."""
        return app in self.apps or EVERY_APP in self.apps

    @property
    def expired(self) -> bool:
        """Whether its time is over."""
        return bool(self.expires_at) and self.expires_at <= now_iso()


class ApiKeys:
    """The keys that open apps other than the default one."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._redis = store.redis
        self._ids: dict[str, str] = {}

    def issue(self, apps: tuple[str, ...], label: str = "", **more: Any) -> str:
        """Make a key for `apps` (`*` is every app), with `more` of its `KeyPolicy`, and return its secret, which cannot
        be read again."""
        terms = KeyPolicy(apps=apps, label=label, **more)
        key_id, secret = secrets.token_hex(ID_CHARACTERS // 2), _new_secret()
        self._write(key_id, terms, created_at=now_iso("microseconds"), sha256=_digest(secret))
        self._redis.hset(redis_keys.api_key_secret(_digest(secret)), "id", key_id)
        return secret

    def find(self, secret: str) -> ApiKey | None:
        """The key that has this secret, an expired one too; None if there is none.

        Nothing of a secret can be learnt from how long this takes. It is looked up by its SHA-256, of which a guesser
        cannot choose the beginning, so a near miss is as far off as any other; what was found is compared with all of
        it, by a comparison that does not end at the first difference.
        """
        given = _digest(secret)
        key_id = self._ids.get(given)
        found, fields = self._read(given, key_id)
        if found.get("id", "") != key_id:
            key_id = found.get("id") or self._adopt(given, found)
            fields = self._store.fields(redis_keys.api_key(key_id)) if key_id else {}
            self._remember(given, key_id)
        known = fields.get("sha256", "").split()
        if key_id and any(hmac.compare_digest(given, one) for one in known):
            return _key(key_id, fields)
        return None

    def get(self, key_id: str) -> ApiKey | None:
        """The key with this id."""
        fields = self._store.fields(redis_keys.api_key(key_id))
        return _key(key_id, fields) if fields else None

    def all(self) -> list[ApiKey]:
        """Every key, oldest first."""
        self._adopt_all()
        found = (self.get(key_id) for key_id in self._with_id("*"))
        return sorted((key for key in found if key), key=lambda key: key.created_at)

    def named(self, name: str) -> list[ApiKey]:
        """The keys that `name` may mean: a secret in full, an id, or at least 8 characters of its beginning."""
        if len(name) < MIN_ID_PREFIX_CHARACTERS or not all(char in "0123456789abcdef" for char in name):
            found = self.find(name)
            return [found] if found else []
        self._adopt_all()
        return [key for key in map(self.get, self._with_id(f"{name}*")) if key]

    def used(self, key: ApiKey) -> None:
        """Note that the key was used, once a minute."""
        if key.last_used_at < iso(datetime.now(UTC) - timedelta(seconds=LAST_USED_SECONDS)):
            self._store.call("amend", [redis_keys.api_key(key.id)], "last_used_at", now_iso())

    def change(self, key: ApiKey, terms: KeyPolicy) -> bool:
        """Put other terms into the place of the key's. False if it is gone."""
        return bool(self._store.call("amend", [redis_keys.api_key(key.id)], *to_pairs(terms.fields())))

    def rotate(self, key: ApiKey, overlap: int) -> str | None:
        """Give the key another secret and return it; those before it are good for `overlap` more seconds at most. None
        if the key is gone."""
        secret = _new_secret()
        before = [one for one in self._secrets(key.id) if self._redis.exists(redis_keys.api_key_secret(one))]
        known = [_digest(secret), *(before if overlap else ())]
        if not self._store.call("amend", [redis_keys.api_key(key.id)], "sha256", " ".join(known)):
            return None
        self._redis.hset(redis_keys.api_key_secret(_digest(secret)), "id", key.id)
        for one in before:
            left = self._redis.ttl(redis_keys.api_key_secret(one))
            self._redis.expire(redis_keys.api_key_secret(one), overlap if left < 0 else min(overlap, left))
        return secret

    def revoke(self, key: ApiKey) -> None:
        """Remove the key and its secrets."""
        names = [redis_keys.api_key_secret(one) for one in self._secrets(key.id)]
        self._redis.delete(redis_keys.api_key(key.id))
        for name in names:
            self._redis.delete(name)

    def _read(self, given: str, key_id: str | None) -> tuple[dict[str, str], dict[str, str]]:
        """What stands under a digest and under the id that it had when it was looked up before, in one round trip."""
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.hgetall(redis_keys.api_key_secret(given))
        if key_id:
            pipeline.hgetall(redis_keys.api_key(key_id))
        found = [text_fields(raw) for raw in pipeline.execute()]
        return found[0], found[1] if key_id else {}

    def _remember(self, given: str, key_id: str) -> None:
        self._ids.pop(given, None)
        if key_id:
            self._ids[given] = key_id
        while len(self._ids) > MAX_CACHED_IDS:
            self._ids.pop(next(iter(self._ids)), None)

    def _adopt(self, given: str, found: dict[str, str]) -> str:
        """Give a key of version 0.1.0, whose only record stands under its digest, one of its own; '' if it is none.
        That record stays, as webs of that version may still read it."""
        if "apps" not in found:
            return ""
        key_id = given[:ID_CHARACTERS]
        terms = KeyPolicy(apps=tuple(exact_json.loads(found["apps"])), label=found["label"])
        self._write(key_id, terms, created_at=found["created_at"], sha256=given)
        if self._store.call("amend", [redis_keys.api_key_secret(given)], "id", key_id):
            return key_id
        self._redis.delete(redis_keys.api_key(key_id))  # it was revoked meanwhile
        return ""

    def _adopt_all(self) -> None:
        for name in self._redis.scan_iter(match=redis_keys.api_key_secret("*"), count=1000):
            found = self._store.fields(name.decode())
            if "id" not in found:
                self._adopt(redis_keys.last_part(name.decode()), found)

    def _with_id(self, pattern: str) -> Iterable[str]:
        names = {name.decode() for name in self._redis.scan_iter(match=redis_keys.api_key(pattern), count=1000)}
        return map(redis_keys.last_part, names)

    def _secrets(self, key_id: str) -> list[str]:
        """The digests of a key's secrets, the newest first."""
        return self._store.fields(redis_keys.api_key(key_id)).get("sha256", "").split()

    def _write(self, key_id: str, terms: KeyPolicy, **more: str) -> None:
        fields = {name: value for name, value in terms.fields().items() if value or name == "label"}
        self._redis.hset(redis_keys.api_key(key_id), mapping=fields | more)


def _new_secret() -> str:
    return f"aomi_{secrets.token_urlsafe(32)}"


def _digest(secret: str) -> str:
    return sha256_hex(secret.encode("utf-8", "surrogateescape"))


def _key(key_id: str, fields: dict[str, str]) -> ApiKey:
    budget = fields.get("budget")
    return ApiKey(
        id=key_id,
        apps=tuple(exact_json.loads(fields["apps"])),
        label=fields.get("label", ""),
        created_at=fields["created_at"],
        expires_at=fields.get("expires_at", ""),
        last_used_at=fields.get("last_used_at", ""),
        requests_per_minute=_number(fields.get("requests_per_minute")),
        running_turns=_number(fields.get("running_turns")),
        budget=Decimal(budget) if budget else None,
    )


def _number(text: str | None) -> int | None:
    return int(text) if text else None
