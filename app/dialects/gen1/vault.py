"""Provider keys and secrets of clients. No response and no error contains their values."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from app.dialects.gen1 import provider_secrets, schemas
from app.errors import BadRequest
from app.openapi.declare import SESSION, Parameter, RouteSpec, body, documented
from app.state.accounts.vault import ProviderKey
from app.web import parsing
from app.web.access.caller import client_digest_of, client_from_query, client_of_session
from app.web.bodies import json_body, validated
from app.web.current import services

bp = Blueprint("gen1_vault", __name__)

_PROVIDER = RouteSpec((Parameter("provider", "path", "A model provider, such as openai.", required=True),))
_NAME = RouteSpec((Parameter("name", "path", "The name of a secret.", required=True),))


@bp.get("/api/control/provider-keys")
@documented(schemas.ShownKeys, SESSION, schemas.NOT_CONFIGURED)
def list_keys() -> ResponseReturnValue:
    """The keys of the session's client: providers and first characters."""
    keys = services().vault.list_provider_keys(_client())
    return jsonify(provider_keys=[_shown(key) for key in keys])


@bp.post("/api/control/provider-keys")
@documented(schemas.SavedKey, SESSION, schemas.NOT_CONFIGURED, body(schemas.NewKey))
def save_key() -> ResponseReturnValue:
    """Save a key of the session's client; it replaces the provider's previous key. Creates the session of a client that
    has only named it, by a state request with client_id."""
    client, sent = _client(), validated(schemas.NewKey, json_body())
    _check_is_used(sent["provider"])
    saved = services().vault.save_provider_key(client, sent["provider"], sent["api_key"], sent.get("label"))
    if not client_from_query():
        session_id = parsing.session_id()
        services().sessions.create(session_id, {})
        services().vault.bind(session_id, client)
    return jsonify(key=_shown(saved))


@bp.delete("/api/control/provider-keys/<provider>")
@documented(schemas.Deleted, SESSION, schemas.NOT_CONFIGURED, _PROVIDER)
def delete_key(provider: str) -> ResponseReturnValue:
    """Delete a key of the session's client."""
    return jsonify(deleted=services().vault.delete_provider_key(_client(), provider.lower()))


@bp.post("/api/secrets")
@documented(schemas.Handles, schemas.NOT_CONFIGURED, body(schemas.NewSecrets))
def save_secrets() -> ResponseReturnValue:
    """Save secrets of a client. The response has the handle of each, to use in tool arguments. `PROVIDER_KEY:openai`
    is the client's key for a model provider; it has no handle."""
    sent = validated(schemas.NewSecrets, json_body())
    secrets, provider_keys = provider_secrets.split(sent["secrets"])
    services().vault.save_secrets(client_digest_of(sent["client_id"]), secrets, provider_keys)
    return jsonify(handles={name: f"$SECRET:{name}" for name in secrets})


@bp.delete("/api/secrets")
@documented(schemas.Cleared, schemas.CLIENT_ID, schemas.NOT_CONFIGURED)
def clear_secrets() -> ResponseReturnValue:
    """Delete all secrets of a client, and its provider keys that were sent as secrets."""
    services().vault.clear_secrets(client_digest_of(request.args.get("client_id")))
    return jsonify(cleared=True)


@bp.delete("/api/secrets/<name>")
@documented(schemas.Deleted, schemas.CLIENT_ID, schemas.NOT_CONFIGURED, _NAME)
def delete_secret(name: str) -> ResponseReturnValue:
    """Delete a secret of a client, or its key for a model provider (`PROVIDER_KEY:openai`)."""
    client = client_digest_of(request.args.get("client_id"))
    if provider := provider_secrets.provider_of(name):
        return jsonify(deleted=services().vault.delete_provider_key(client, provider))
    return jsonify(deleted=services().vault.delete_secret(client, name))


def _client() -> str:
    """The client of the request's session. Raises `BadRequest`."""
    session_id = parsing.session_id()
    client = client_of_session(session_id)
    if not client:
        raise BadRequest("The session belongs to no client yet: send a state or chat request with client_id first")
    return client


def _check_is_used(provider: str) -> None:
    """Raises `BadRequest` for a provider whose models in the session's app are opened by more than a key: the
    operator's credentials would be sent, too."""
    session, catalog = services().sessions.get(parsing.session_id()) or {}, services().catalog
    app, _ = catalog.choice(session.get("app", ""), "")
    refusals = [model.own_key_refusal for model in catalog.models_of(app) if model.provider == provider]
    if refusals and all(refusals):
        raise BadRequest(
            f"No key of your own is used for {provider} here: its models are opened by credentials of the operator"
        )


def _shown(key: ProviderKey) -> dict[str, Any]:
    return asdict(key) | {"is_active": True}
