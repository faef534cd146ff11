"""The open client requests of a session, in the form of its fields: `request:<n>` while it is open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from app import exact_json
from app.events.types import TRANSACTION, TYPED_DATA
from app.state import redis_keys
from app.state.turns.turn_requests import ANONYMOUS, PRINCIPAL_FIELDS, Principal

USER_STATE_FIELDS = {TRANSACTION: "pending_txs", TYPED_DATA: "pending_eip712s"}
"""The field of the user state in which open requests of a kind are shown; those of other kinds are in `OTHERS`."""

OTHERS = "pending_requests"

SERVER_FIELDS = frozenset({*USER_STATE_FIELDS.values(), OTHERS, "next_id"})
"""The fields of the user state that a client's copy never changes."""


@dataclass(frozen=True)
class OpenRequest:
    """Something that a tool's call asks the client to do; `id` counts from 1 in its session. `principal` is that of the
    turn, and of the follow-up turn."""

    id: int
    kind: str
    body: dict[str, Any]
    tool: str
    call_id: str
    run_id: str
    thread_id: str
    app: str
    created_at: str
    expires_at: str
    principal: Principal = ANONYMOUS

    def stored(self) -> str:
        """Its field in the session's hash."""
        principal = self.principal
        fields = asdict(self)
        del fields["principal"]
        fields |= {"client": principal.client, "key": principal.api_key_id, "budget": principal.budget}
        fields |= {"address": principal.address}
        if principal.user:
            fields |= {"user": principal.user, "user_budget": principal.user_budget}
        return exact_json.dumps(fields)

    def for_client(self) -> dict[str, Any]:
        """As `client_requests` of /api/state has it."""
        fields = {"id": self.id, "kind": self.kind, "tool": self.tool, "request": self.body}
        return fields | {"expires_at": self.expires_at}

    @classmethod
    def read(cls, stored: str) -> OpenRequest:
        """Out of its field in the session's hash."""
        fields = exact_json.loads(stored)
        principal = Principal(*(fields.pop(name, "") for name in PRINCIPAL_FIELDS))
        return cls(**fields, principal=principal)


def open_requests(session: Mapping[str, str]) -> list[OpenRequest]:
    """The requests that wait for the client's reply, oldest first."""
    prefix = redis_keys.request_field("")
    requests = [OpenRequest.read(value) for name, value in session.items() if name.startswith(prefix)]
    return sorted(requests, key=lambda request: request.id)


def last_number(session: Mapping[str, str]) -> int:
    """The number of the session's last request, open or not; 0 before the first."""
    return int(session.get("requests") or 0)


def pending(session: Mapping[str, str]) -> dict[str, Any]:
    """The server's part of the user state: open requests by number in the field of their kind; {} if none is open."""
    fields: dict[str, Any] = {}
    for request in open_requests(session):
        fields.setdefault(USER_STATE_FIELDS.get(request.kind, OTHERS), {})[str(request.id)] = request.body
    return fields | {"next_id": last_number(session) + 1} if fields else {}
