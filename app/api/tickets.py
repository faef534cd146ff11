"""Tickets: they open the streams of a session for a client that cannot send a header, as a browser's EventSource."""

from __future__ import annotations

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from app.openapi.declare import SESSION, documented
from app.openapi.schemas import responses
from app.state.accounts.tickets import Ticket
from app.web import parsing
from app.web.access.users import required_user
from app.web.current import services

bp = Blueprint("tickets", __name__)


@bp.post("/api/tickets")
@documented(responses.MadeTicket, SESSION)
def create() -> ResponseReturnValue:
    """A ticket for the streams of the session: `GET /api/updates?session_id=...&ticket=...`. It may be used more than
    once until it expires; a stream that it opened goes on as long as the token would let it."""
    ticket = Ticket(parsing.session_id(), required_user())
    return jsonify(ticket=services().tickets.issue(ticket), expires_in=services().settings.ticket_ttl)
