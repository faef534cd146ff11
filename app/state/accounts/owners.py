"""Users and what they own. A user is known by the SHA-256 of the `sub` of its tokens (`User.id`)."""

from __future__ import annotations

import time
from collections.abc import Iterable

from app.state import redis_keys
from app.state.pages import Page, WantedPage, read_page
from app.state.scripts import Store
from app.state.sessions import SUMMARY_FIELDS
from app.tokens.user import User

EARLY_SECONDS = 3600
"""How long a session that does not exist yet is its first user's: a stream of its updates claims it again."""

STRANGERS, LISTED = 0, 1

RENEW_SECONDS = 3600.0
"""Time between two renewals of the life of a user's list, for each process."""

MOST_RENEWED = 10_000
"""Users of whom a process remembers when it renewed their list."""


class Owners:
    """Whose sessions are whose."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._redis = store.redis
        self._ttl = store.settings.session_ttl
        self._usage_ttl = store.settings.usage_ttl
        self._renewed: dict[str, float] = {}

    def claim(self, session_id: str, user: User) -> bool:
        """Whether the session is the user's; if it was nobody's, it is from now on. One round trip, a few more at its
        first use."""
        outcome = self._claim(session_id, user.id, listed=False)
        if outcome == STRANGERS:
            return False
        if outcome != LISTED:  # the list first: a process that dies in between leaves a session that is listed again
            self._list(session_id, user)
            return self._claim(session_id, user.id, listed=True) != STRANGERS
        self._renew(user.id)
        return True

    def page(self, user_id: str, wanted: WantedPage) -> Page:
        """A page of the user's sessions, newest first, with their `public_key`; those that are gone leave the list."""
        index = redis_keys.sessions_of_user(user_id)
        page = read_page(self._store, index, redis_keys.session, (*SUMMARY_FIELDS, "public_key"), wanted)
        if gone := set(page.gone) - self.owned(user_id, page.gone):  # the others are about to be made
            self._redis.zrem(index, *gone)
        return page

    def owned(self, user_id: str, session_ids: Iterable[str]) -> set[str]:
        """Those of the sessions that are the user's."""
        ids = list(session_ids)
        pipeline = self._redis.pipeline(transaction=False)
        for session_id in ids:
            pipeline.get(redis_keys.owner(session_id))
        found = pipeline.execute() if ids else []
        return {one for one, raw in zip(ids, found, strict=True) if raw and raw.decode().split(" ")[0] == user_id}

    def admits(self, session_id: str, user_id: str) -> bool:
        """Whether the session is the user's, or nobody's. Nothing is claimed."""
        raw = self._redis.get(redis_keys.owner(session_id))
        return raw is None or raw.decode().split(" ")[0] == user_id

    def name(self, user_id: str) -> str:
        """The `sub` of the user's tokens, '' if nothing is kept of the user."""
        raw = self._redis.get(redis_keys.user(user_id))
        return raw.decode("utf-8", "surrogatepass") if raw else ""

    def forget(self, user_id: str) -> None:
        """Delete the user's name and list; the sessions are erased before."""
        for key in (redis_keys.sessions_of_user(user_id), redis_keys.user(user_id)):
            self._redis.delete(key)

    def _claim(self, session_id: str, user_id: str, *, listed: bool) -> int:
        args = {"user": user_id, "ttl": self._ttl, "early_ttl": min(EARLY_SECONDS, self._ttl), "listed": listed}
        return int(self._store.call("claim_session", [redis_keys.session(session_id)], args))

    def _list(self, session_id: str, user: User) -> None:
        index = redis_keys.sessions_of_user(user.id)
        self._store.call("list_session", [index], {"session": session_id, "ttl": 2 * self._ttl})
        self._redis.set(redis_keys.user(user.id), user.sub.encode("utf-8", "surrogatepass"), ex=self._usage_ttl)

    def _renew(self, user_id: str) -> None:
        """A user's list lives longer than each session in it."""
        now = time.monotonic()
        if now < self._renewed.get(user_id, float("-inf")) + min(RENEW_SECONDS, self._ttl / 4):
            return
        if len(self._renewed) >= MOST_RENEWED:
            self._renewed.clear()
        self._renewed[user_id] = now
        self._redis.expire(redis_keys.sessions_of_user(user_id), 2 * self._ttl)
