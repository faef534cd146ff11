"""Which sessions a command works on: by id, by owner, by client, or by the time since their last use."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from app.state import redis_keys
from app.state.accounts.vault import client_digest
from app.state.inspection import Inspection
from app.tokens.user import user_id


@dataclass(frozen=True)
class Selection:
    """The operator's options: sessions by id, by owner (`public_key`), by `client` id, by `user` (the `sub` of its
    tokens); all sessions if none is given. With `older_than`, only those of them that were not used for so many
    seconds."""

    sessions: tuple[str, ...] = ()
    public_key: str = ""
    client: str = field(default="", repr=False)
    user: str = ""
    older_than: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether no option is given."""
        return not (self.sessions or self.public_key or self.client or self.user) and self.older_than is None

    @property
    def whole_client(self) -> bool:
        """Whether everything of a client is selected, including its keys and secrets."""
        return bool(self.client) and self.older_than is None

    @property
    def client_digest(self) -> str:
        """The digest under which the client's data is stored, '' without a client."""
        return client_digest(self.client) if self.client else ""


def selected_ids(inspection: Inspection, selection: Selection) -> list[str]:
    """The ids of the sessions, each once."""
    ids = [session_id.lower() for session_id in selection.sessions]
    if selection.public_key:
        ids += inspection.sessions_under(selection.public_key)
    if selection.client:
        ids += inspection.sessions_of_client(selection.client_digest)
    if selection.user:
        ids += inspection.sessions_of_user(user_id(selection.user))
    if not (selection.sessions or selection.public_key or selection.client or selection.user):
        ids += inspection.session_ids()
    ids = list(dict.fromkeys(ids))
    if selection.older_than is None:
        return ids
    return _unused_since(inspection, ids, inspection.now() - timedelta(seconds=selection.older_than))


def _unused_since(inspection: Inspection, ids: list[str], moment: datetime) -> list[str]:
    sessions = inspection.pick(map(redis_keys.session, ids), ["updated_at", "run"])
    limit = moment.isoformat()
    return [
        session_id
        for session_id, session in zip(ids, sessions, strict=True)
        if session["updated_at"] and session["updated_at"] < limit and not session["run"]
    ]
