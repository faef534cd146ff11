"""Sessions: create, read, list, rename, archive, delete."""

from __future__ import annotations

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from app import exact_json
from app.events import sse
from app.openapi.declare import LISTED, PAGED, SESSION, SESSION_PATH, RouteSpec, body, documented
from app.openapi.schemas import requests, responses
from app.state.session_fields import session_status
from app.web import parsing
from app.web.access.caller import check_app_opens
from app.web.bodies import json_body, optional_json_body, validated
from app.web.current import services
from app.web.pages import paged_json, wanted_page
from app.web.serializers import choice_json, news_json, summary_json, thread_json, times_json
from app.web.session_lists import listed_sessions

bp = Blueprint("sessions", __name__)


@bp.post("/api/sessions")
@documented(responses.MadeSession, SESSION, body(requests.NewSession, required=False), RouteSpec(refusals=(401, 403)))
def create() -> ResponseReturnValue:
    """Create the session. An existing one does not change, except that it gets an owner if it had none."""
    session_id = parsing.session_id()
    sent = validated(requests.NewSession, optional_json_body())
    fields = {"title": sent.get("title") or "", "public_key": sent.get("public_key") or ""}
    if (user_state := sent.get("user_state")) is not None:
        fields["user_state"] = exact_json.dumps(user_state)
    if app := sent.get("app"):
        check_app_opens(app)
        fields["app"] = fields["chosen_app"] = app
    created = services().sessions.create(session_id, fields)
    if fields["public_key"] and not created:
        services().sessions.set_public_key(session_id, fields["public_key"])
    session = parsing.session_or_404(session_id)
    return jsonify(session_id=session_id, created=created, **summary_json(session))


@bp.get("/api/sessions")
@documented(list[responses.ListedSession], LISTED, PAGED)
def of_public_key() -> ResponseReturnValue:
    """The sessions of a public key, or with owners of the caller, newest first, as a bare array. `Link` leads to older
    ones."""
    page = listed_sessions()
    listed = [{"session_id": one["id"], **times_json(one), **summary_json(one), **news_json(one)} for one in page.items]
    return paged_json(listed, page)


@bp.get("/api/sessions/<session_id>")
@documented(responses.Session, SESSION_PATH, PAGED)
def show(session_id: str) -> ResponseReturnValue:
    """The session and its newest threads, oldest first. `Link` leads to older ones."""
    session_id = parsing.checked_session_id(session_id)
    session = parsing.session_or_404(session_id)
    page = services().sessions.threads(session_id, wanted_page())
    current = services().runs.thread_of(session_id, session.get("run", ""))
    threads = [thread_json(thread, session, current) for thread in reversed(page.items)]
    shown = {"session_id": session_id, "threads": threads}
    shown |= times_json(session) | summary_json(session) | news_json(session)
    shown |= choice_json(services().catalog, session)
    return paged_json(shown, page)


@bp.patch("/api/sessions/<session_id>")
@documented(responses.ChangedSession, SESSION_PATH, body(requests.Changes))
def change(session_id: str) -> ResponseReturnValue:
    """Set the session's title, or the last event that a person has seen of it."""
    session_id = parsing.checked_session_id(session_id)
    parsing.session_or_404(session_id)
    changes = requests.changes_of(json_body())
    if title := changes.get("title"):
        services().sessions.rename(session_id, title)
    if seen := changes.get("seen"):
        services().sessions.mark_seen(session_id, int(seen))
    session = parsing.session_or_404(session_id)
    return jsonify(session_id=session_id, **summary_json(session), **news_json(session))


@bp.delete("/api/sessions/<session_id>")
@documented(responses.DeletedSession, SESSION_PATH)
def delete(session_id: str) -> ResponseReturnValue:
    """Stop the session's turns and delete everything of it."""
    session_id = parsing.checked_session_id(session_id)
    parsing.session_or_404(session_id)
    services().erase(session_id)
    return jsonify(session_id=session_id, deleted=True)


@bp.post("/api/sessions/<session_id>/archive")
@documented(responses.ArchivedSession, SESSION_PATH)
def archive(session_id: str) -> ResponseReturnValue:
    """Archive the session."""
    return _set_archived(session_id, True)


@bp.post("/api/sessions/<session_id>/unarchive")
@documented(responses.ArchivedSession, SESSION_PATH)
def unarchive(session_id: str) -> ResponseReturnValue:
    """Unarchive the session."""
    return _set_archived(session_id, False)


def _set_archived(session_id: str, archived: bool) -> ResponseReturnValue:
    session_id = parsing.checked_session_id(session_id)
    event = sse.state(session_id, session_status(parsing.session_or_404(session_id)), is_archived=archived)
    services().sessions.change(session_id, {"is_archived": int(archived)}, [event])
    return jsonify(session_id=session_id, is_archived=archived)
