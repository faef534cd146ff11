"""The user of a request, by its token or its ticket, and the sessions that are the user's. Without AOMI_OIDC_ISSUER and
AOMI_JWT_SECRET there is no user, and nothing here asks for one.

Every request passes `register`'s hook. So a route that nobody thought of needs a token, and a session that the request
names belongs to its user before any view runs; `check_owner` does the same for a session that a body names.
"""

from __future__ import annotations

from typing import cast

from flask import Flask, current_app, g, request

from app.errors import NotFound, Unauthorized
from app.tokens.user import User
from app.tokens.verifier import BadToken, has_form
from app.web import session_ids
from app.web.conventions import conventions
from app.web.current import services

NO_SESSION = "There is no such session; POST /api/sessions or a first message creates one"

OPEN = frozenset({"health", "docs", "openapi", "metrics", "playground"})
"""Blueprints that show nothing of anybody."""

WITHOUT_SESSION = frozenset({"catalog.models", "catalog.app_of_session", "catalog.apps", "usage.show"})
"""Endpoints of the reference API that concern no session, unless the request names one."""

SEND_ONE = "A token is needed: send it as Authorization: Bearer"


def has_owners() -> bool:
    """Whether sessions have owners here."""
    return services().settings.owners


def current_user() -> User | None:
    """The user whose token or ticket the request carries; None if it carries none, and without owners.

    Raises `Unauthorized` for a token or a ticket that is not valid, `NotReady` while the issuer's keys cannot be read.
    """
    if "user" not in g:
        g.user = _user() if has_owners() else None
    return cast("User | None", g.user)


def user_or_none() -> User | None:
    """As `current_user`, None also for a token that is not valid."""
    try:
        return current_user()
    except Unauthorized:
        return None


def required_user() -> User:
    """As `current_user`. Raises `Unauthorized` also when the request carries no token."""
    user = current_user()
    if user is None:
        raise Unauthorized(SEND_ONE)
    return user


def check_owner(session_id: str) -> None:
    """The session of this well-formed id is the user's; if it was nobody's, it is from now on. Redis is asked once.

    Raises `Unauthorized`, and `NotFound` for a stranger's session.
    """
    if not has_owners():
        return
    user, owned = required_user(), owned_sessions()
    if session_id in owned:
        return
    if g.get("ticket_session", session_id) != session_id:
        raise Unauthorized("The ticket is for another session; get one with this session's id")
    if not services().owners.claim(session_id, user):
        raise NotFound(NO_SESSION)
    owned.add(session_id)


def owned_sessions() -> set[str]:
    """The sessions of this request that were found to be the user's."""
    return cast("set[str]", g.setdefault("owned_sessions", set()))


def register(app: Flask) -> None:
    """Check token and session before the views of `app`."""
    app.before_request(check_request)


def check_request() -> None:
    """The request has a user if it needs one, and the sessions that it names are the user's. Redis is asked once
    for each session. Raises `Unauthorized`, `NotFound`."""
    if request.blueprint is None or request.blueprint in OPEN or request.method == "OPTIONS" or not has_owners():
        return
    named = _named_sessions()
    if not named and request.endpoint in WITHOUT_SESSION | conventions().without_session:
        current_user()
        return
    required_user()
    for session_id in named:
        check_owner(session_id)


def _named_sessions() -> set[str]:
    """The well-formed ids in the path, the header and the query; a malformed one is refused by the view."""
    in_path = (request.view_args or {}).get("session_id")
    sent = (in_path, request.headers.get("X-Session-Id"), *request.args.getlist("session_id"))
    return {session_ids.formed_session_id(one) for one in sent if one is not None and session_ids.is_session_id(one)}


def _user() -> User | None:
    if ticket := _sent_ticket():
        return _ticket_user(ticket)
    token = bearer_token()
    if not has_form(token):
        return None
    try:
        return services().tokens.user(token)
    except BadToken as error:
        raise Unauthorized(str(error)) from None


def _ticket_user(sent: str) -> User:
    ticket = services().tickets.read(sent)
    if ticket is None or services().tokens.is_over(ticket.user):
        raise Unauthorized("The ticket is not valid or has expired; POST /api/tickets makes a new one")
    g.ticket_session = ticket.session_id
    return ticket.user


def _sent_ticket() -> str:
    """'' for a request that no ticket is for: it opens streams alone."""
    view = current_app.view_functions.get(request.endpoint or "")
    return request.args.get("ticket", "") if takes_ticket(request.method, view) else ""


def takes_ticket(method: str, view: object) -> bool:
    """Whether a ticket is enough for a request to this view."""
    return method == "GET" and bool(getattr(view, "opens_stream", False))


def bearer_token() -> str:
    """The token, or the API key, of `Authorization: Bearer`; '' if it is missing."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
