"""What a session's client is asked to do, as it stands in the session's fields: `request:<n>` while it is open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from app import exact_json
from app.state import redis_keys

TRANSACTION, TYPED_DATA = "wallet_tx_request", "wallet_eip712_request"

PENDING = {TRANSACTION: "pending_txs", TYPED_DATA: "pending_eip712s"}
"""Where in the user state open requests of a kind are shown; those of other kinds are in `OTHERS`."""

OTHERS = "pending_requests"

SERVERS_OWN = frozenset({*PENDING.values(), OTHERS, "next_id"})
"""The parts of the user state that a client's copy never changes."""


@dataclass(frozen=True)
class OpenRequest:
    """Something the client is asked to do by a tool's call; `id` counts from 1 in its session."""

    id: int
    kind: str
    body: dict[str, Any]
    tool: str
    call_id: str
    run_id: str
    thread_id: str
    app: str
    client: str
    created_at: str
    expires_at: str
    key: str = ""
    budget: str = ""

    def stored(self) -> str:
        """Its field in the session's hash."""
        return exact_json.dumps(asdict(self))


def open_requests(session: Mapping[str, str]) -> list[OpenRequest]:
    """Those that wait for the client's answer, oldest first."""
    prefix = redis_keys.request_field("")
    found = [OpenRequest(**exact_json.loads(value)) for name, value in session.items() if name.startswith(prefix)]
    return sorted(found, key=lambda request: request.id)


def last_number(session: Mapping[str, str]) -> int:
    """The number of the session's last request, open or not; 0 before the first."""
    return int(session.get("requests") or 0)


def pending(session: Mapping[str, str]) -> dict[str, Any]:
    """The server's part of the user state: open requests by number under the name of their kind; {} if none is open."""
    shown: dict[str, Any] = {}
    for request in open_requests(session):
        shown.setdefault(PENDING.get(request.kind, OTHERS), {})[str(request.id)] = request.body
    return shown | {"next_id": last_number(session) + 1} if shown else {}
