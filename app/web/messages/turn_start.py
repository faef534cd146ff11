"""From a message in any dialect to its turn. A dialect makes a `TurnRequest` of its body; all else is the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from flask import request

from app.catalog import App
from app.errors import ApiError, BadRequest
from app.state import redis_keys
from app.state.ids import new_id
from app.state.session_choices import SessionChoice
from app.state.session_fields import Fields
from app.state.turns.turn_requests import Accepted, TurnRequest
from app.web import parsing
from app.web.access import rate_limits, session_auth
from app.web.access.admission import Admission, SessionChanged
from app.web.access.caller import authorized_app, current_caller
from app.web.current import services
from app.web.messages.attachments import with_attachments
from app.web.streaming.stream_slots import held_slot


@dataclass(frozen=True)
class Chat:
    """The session that a message is for, and the app that answers it. `session` is empty before the first message."""

    session_id: str
    session: Fields
    app: App

    def model(self, wanted: str | None) -> str:
        """The model of a turn: the wanted one, else the session's. Raises `BadRequest` if the app does not offer it."""
        if wanted and not services().catalog.offers(self.app, wanted):
            raise BadRequest(f"The app {self.app.id!r} does not offer the model {wanted!r}; see /api/session/models")
        return wanted or services().catalog.choice(self.app.id, self.session.get("model", ""))[1]


def chat_of(session_id: str, app: str | None = None) -> Chat:
    """The chat of a valid session id, with the app `app`, that of the query, or that of the session.

    Raises `Unauthorized`, `Forbidden`, `NotFound` as `authorized_app`.
    """
    return _chat(session_id, services().sessions.get(session_id) or {}, app)


def _chat(session_id: str, session: Fields, app: str | None = None) -> Chat:
    name = app or parsing.app_from_query() or session.get("chosen_app") or None
    return Chat(session_id, session, authorized_app(name))


def session_of_body(sent: str) -> str:
    """The session id that a body names, with the checks that the hooks make of one in the address: its requests a
    minute, and its key.

    Raises `BadRequest`, `TooManyRequests`, `Unauthorized`, `Forbidden`.
    """
    session_id = parsing.checked_session_id(sent)
    rate_limits.count_session(session_id)
    session_auth.check_key_of(session_id)
    return session_id


Message = tuple[TurnRequest, Sequence[Mapping[str, Any]]]
"""A message, and its attachments in the form of /api/chat."""


def start_ahead(session_id: str, message_of: Callable[[Chat], Message]) -> Accepted:
    """As `start_turn`, of the message that `message_of` the chat makes. It is made of the app and the model that this
    process saw chosen last, and made again if others are. `message_of` uses nothing else of the session."""
    sessions = services().sessions
    seen = sessions.choices.of(session_id)
    try:
        message, attachments = message_of(_chat(session_id, seen.fields()))
        return start_turn(session_id, replace(message, expects=seen), attachments)
    except ApiError as error:
        session = sessions.get(session_id) or {}
        if SessionChoice.of(session) == seen and not isinstance(error, SessionChanged):
            raise
    message, attachments = message_of(_chat(session_id, session))
    return start_turn(session_id, message, attachments)


def start_turn(session_id: str, message: TurnRequest, attachments: Sequence[Mapping[str, Any]] = ()) -> Accepted:
    """Accept the message of the request's caller: started, waiting, or `again` if it was accepted before.

    `attachments` are in the form of /api/chat. Raises `BadRequest`, `NotFound`, `BudgetSpent`, `Conflict`,
    `TooManyRequests`, `Overloaded`; then nothing has changed.
    """
    return admit(session_id, with_attachments(services(), session_id, message, attachments))


def admit(session_id: str, message: TurnRequest) -> Accepted:
    """As `Admission.admit`, for the request's caller. If the request opens a stream, it is subscribed to the turn's
    events while the message is accepted: two round trips less before the first one."""
    run_id, hub, slot = new_id("run"), services().hub, held_slot()
    channel = redis_keys.log(session_id, run_id)
    with ExitStack() as unless_accepted:
        if slot and not parsing.prefers_async():
            forget = hub.expect(channel)
            slot.at_release(forget)
            unless_accepted.callback(forget)
        accepted = Admission.of(services()).admit(session_id, message, current_caller(), run_id)
        if accepted.run_id == run_id:
            unless_accepted.pop_all()
    if accepted.is_heard:
        hub.heard(channel)
    return accepted


def idempotency_key() -> str:
    """The request's Idempotency-Key, '' without one. Raises `BadRequest`."""
    key = request.headers.get("Idempotency-Key", "")
    if len(key) > parsing.IDEMPOTENCY_KEY_CHARACTERS:
        raise BadRequest(f"The Idempotency-Key may have at most {parsing.IDEMPOTENCY_KEY_CHARACTERS} characters")
    return key
