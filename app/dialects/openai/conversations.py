"""Conversations: a session under an id that does not open it in the reference API."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from app import exact_json
from app.dialects.openai import lists, schemas
from app.dialects.openai.frames.items import Item, items_of
from app.dialects.openai.frames.objects import seconds
from app.dialects.openai.requests.conversation_input import history_of
from app.dialects.openai.requests.placement import NO_CONVERSATION, session_of_conversation
from app.dialects.openai.requests.placement import conversation_id as public_id
from app.errors import BadRequest, Conflict, NotFound
from app.openapi.declare import Parameter, RouteSpec, body, documented
from app.state.responses.imports import SessionBusy
from app.state.session_fields import Fields
from app.web import parsing
from app.web.access import session_auth
from app.web.access.caller import current_caller
from app.web.bodies import json_body, optional_json_body, validated
from app.web.current import services

bp = Blueprint("openai_conversations", __name__, url_prefix="/v1/conversations")

KEY = RouteSpec(refusals=(400, 401, 403, 404), key="optional")
_PATH = RouteSpec((Parameter("conversation_id", "path", "A conversation of the caller's.", required=True),))
_ITEM = RouteSpec((Parameter("item_id", "path", "An item of the conversation.", required=True),))
_METADATA = "metadata"


@bp.post("")
@documented(schemas.ConversationObject, KEY, body(schemas.NewConversation, required=False))
def create() -> ResponseReturnValue:
    """Create a conversation, empty or with a history."""
    current_caller()  # a key that is sent must be valid
    sent = validated(schemas.NewConversation, optional_json_body())
    session_id, metadata = parsing.checked_session_id(str(uuid.uuid4())), exact_json.dumps(sent.get("metadata") or {})
    if items := sent.get("items"):
        services().imports.thread(session_id, history_of(items, "items", services().clock.now_iso()))
        services().sessions.change(session_id, {_METADATA: metadata}, [])
    else:
        services().sessions.create(session_id, {_METADATA: metadata})
    return jsonify(_conversation(services().sessions.get(session_id) or {}))


@bp.get("/<conversation_id>")
@documented(schemas.ConversationObject, KEY, _PATH)
def show(conversation_id: str) -> ResponseReturnValue:
    """The conversation."""
    return jsonify(_conversation(_session(conversation_id)))


@bp.post("/<conversation_id>")
@documented(schemas.ConversationObject, KEY, _PATH, body(schemas.NewConversation))
def change(conversation_id: str) -> ResponseReturnValue:
    """Set the metadata."""
    session = _session(conversation_id)
    metadata = exact_json.dumps(validated(schemas.NewConversation, json_body()).get("metadata") or {})
    services().sessions.change(session["id"], {_METADATA: metadata}, [])
    return jsonify(_conversation(session | {_METADATA: metadata}))


@bp.delete("/<conversation_id>")
@documented(schemas.DeletedObject, KEY, _PATH)
def delete(conversation_id: str) -> ResponseReturnValue:
    """Stop its responses and delete everything of the conversation."""
    session_id = _session(conversation_id)["id"]
    services().erase(session_id)
    return jsonify(id=conversation_id, object="conversation.deleted", deleted=True)


@bp.get("/<conversation_id>/items")
@documented(schemas.ItemList, KEY, _PATH, lists.PAGE)
def items(conversation_id: str) -> ResponseReturnValue:
    """A page of what was said, the newest first."""
    return lists.page_of(_items(conversation_id))


@bp.post("/<conversation_id>/items")
@documented(schemas.ItemList, KEY, _PATH, RouteSpec(refusals=(409, 413, 415)), body(schemas.NewItems))
def add_items(conversation_id: str) -> ResponseReturnValue:
    """Add items behind the last one. Nothing answers them; the next response knows them."""
    session_id = _session(conversation_id)["id"]
    sent = validated(schemas.NewItems, json_body())
    added = history_of(sent["items"], "items", services().clock.now_iso())
    if not added:
        raise BadRequest("'items' must have a message or a tool call")
    try:
        if not services().imports.add(session_id, added):
            raise NotFound(NO_CONVERSATION)
    except SessionBusy:
        raise Conflict(
            "A response of this conversation is in progress, or waits; add items when it has ended"
        ) from None
    return jsonify(lists.listed(list(items_of(added, "", with_reasoning=False))))


@bp.get("/<conversation_id>/items/<item_id>")
@documented(dict[str, Any], KEY, _PATH, _ITEM)
def item(conversation_id: str, item_id: str) -> ResponseReturnValue:
    """One item."""
    found = [one for one in _items(conversation_id) if one["id"] == item_id]
    if not found:
        raise NotFound("There is no such item in this conversation")
    return jsonify(found[0])


def _session(conversation_id: str) -> Fields:
    session_id = session_of_conversation(conversation_id)
    session_auth.check_key_of(session_id)
    return services().sessions.get(session_id) or {"id": session_id, "created_at": services().clock.now_iso()}


def _items(conversation_id: str) -> list[Item]:
    session = _session(conversation_id)
    snapshot = services().sessions.histories.snapshot(session["id"], None)
    app, _ = services().catalog.choice(session.get("app", ""), "")
    stored = snapshot.messages if snapshot else []
    return list(items_of(stored, app.id, with_reasoning=app.reasoning == "shown"))


def _conversation(session: Fields) -> dict[str, Any]:
    return {
        "id": public_id(session["id"]),
        "object": "conversation",
        "created_at": seconds(session["created_at"]),
        "metadata": exact_json.loads(session.get(_METADATA, "{}")),
    }
