"""Which sessions a command is about: those that are named, or all of somebody, or those that nobody uses any more."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from app.errors import ConfigError
from app.state import redis_keys
from app.state.inspection import Inspection
from app.state.vault import client_digest

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True)
class Choice:
    """What the operator has said: sessions by id, by owner, by both; all of them where none is named. With `older_than`
    those of them that nobody has used for so long."""

    sessions: tuple[str, ...] = ()
    public_key: str = ""
    client: str = field(default="", repr=False)
    older_than: str = ""

    @property
    def given(self) -> bool:
        """Whether anything was said."""
        return bool(self.sessions or self.public_key or self.client or self.older_than)

    @property
    def whole_client(self) -> bool:
        """Whether all of a client is meant, what it has entrusted included."""
        return bool(self.client and not self.older_than)

    @property
    def client_digest(self) -> str:
        """Under what the client's things are kept, '' without a client."""
        return client_digest(self.client) if self.client else ""


def chosen(inspection: Inspection, choice: Choice) -> list[str]:
    """The ids of the sessions, each once. Raises `ConfigError` for an age that is none."""
    ids = [given.lower() for given in choice.sessions]
    if choice.public_key:
        ids += inspection.sessions_under(choice.public_key)
    if choice.client:
        ids += inspection.sessions_of_client(choice.client_digest)
    if not (choice.sessions or choice.public_key or choice.client):
        ids += inspection.session_ids()
    ids = list(dict.fromkeys(ids))
    return _unused_since(inspection, ids, datetime.now(UTC) - _age(choice.older_than)) if choice.older_than else ids


def _unused_since(inspection: Inspection, ids: list[str], moment: datetime) -> list[str]:
    facts = inspection.pick(map(redis_keys.session, ids), ["updated_at", "run"])
    limit = moment.isoformat()
    return [
        session_id
        for session_id, fact in zip(ids, facts, strict=True)
        if fact["updated_at"] and fact["updated_at"] < limit and not fact["run"]
    ]


def _age(given: str) -> timedelta:
    found = re.fullmatch(r"(\d{1,5})([mhd])", given)
    if found is None:
        raise ConfigError(f"{given!r} is no age; say it in days, hours or minutes: 90d, 12h, 30m")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})
