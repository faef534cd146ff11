"""The caller of a request: its API key, its client and its address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from flask import g, request

from app.catalog import DEFAULT_APP, App
from app.errors import ApiError, BadRequest, Forbidden, NotFound, TooManyRequests, Unauthorized
from app.state.accounts.api_keys import ApiKey
from app.state.accounts.rates import Rate
from app.state.accounts.vault import client_digest
from app.state.ids import sha256_hex
from app.tokens.user import User
from app.tokens.verifier import has_form
from app.web.access.users import bearer_token, current_user, has_owners
from app.web.address import address
from app.web.conventions import conventions
from app.web.current import services
from app.web.parsing import CLIENT_ID_CHARACTERS, SEE_APPS, text_of

NO_KEY = "no-key"
"""A bearer token that stands for none."""


@dataclass(frozen=True)
class Caller:
    """The sender of a message. `api_key` is valid, None without one. `client` is the digest of its client's id, ''
    without one. `address` is the one that limits count by, '' if unknown. `user` is None without owners; else the
    user's id is `client`, too. Holds no request: a webhook makes its own."""

    api_key: ApiKey | None = None
    client: str = ""
    address: str = ""
    user: User | None = None

    @property
    def api_key_id(self) -> str:
        """'' without a key."""
        return self.api_key.id if self.api_key else ""

    @property
    def holder(self) -> str:
        """Whom ids of OpenAI's API are for: the user, else the API key."""
        return self.user.id if self.user else self.api_key_id

    @property
    def address_digest(self) -> str:
        """The SHA-256 of the address in hex, '' if it is unknown."""
        return sha256_hex(self.address.encode()) if self.address else ""


def current_caller() -> Caller:
    """The request's caller, read once. Raises `Unauthorized`, `TooManyRequests` (see `api_key`), `BadRequest`."""
    if "caller" not in g:
        g.caller = Caller(api_key(), client_from_query(), address(), current_user())
    return cast(Caller, g.caller)


# API keys


def api_key() -> ApiKey | None:
    """The valid key that the request carries, None when it carries none.

    Raises `Unauthorized` for an unknown or expired key, `TooManyRequests` after too many unknown ones from its address.
    """
    key = api_key_or_none()
    if key is None and _sent_key():
        raise _unknown_key()
    if key and key.expired:
        raise Unauthorized(f"The API key expired at {key.expires_at}; ask the operator for a new one")
    return key


def required_api_key() -> ApiKey:
    """As `api_key`, but raises `Unauthorized` also when the request carries no key."""
    key = api_key()
    if key is None:
        token = ", or a token: send it as Authorization: Bearer" if services().settings.owners else ""
        raise Unauthorized(f"An API key is needed: send it as X-API-Key{token}")
    return key


def api_key_or_none() -> ApiKey | None:
    """The key that the request carries, even if it has expired; None for an unknown key. Redis is asked once."""
    if "api_key" not in g:
        sent = _sent_key()
        g.api_key = services().api_keys.find(sent) if sent else None
        if g.api_key and not g.api_key.expired:
            services().api_keys.used(g.api_key)
    return cast("ApiKey | None", g.api_key)


def authorized_app(name: str | None) -> App:
    """The app `name` (None: the default app), if the request's key opens it.

    Raises `Unauthorized` (no key, or an invalid one), `Forbidden` (not for this app), `NotFound` (no such app).
    """
    name = DEFAULT_APP if name is None else name
    if not _opens(name):
        if api_key() is None and current_user() is None:
            raise Unauthorized("This app needs an API key: send it as X-API-Key")
        raise Forbidden("The API key does not authorize this app; /api/session/apps lists the apps it opens")
    app = services().catalog.app(name)
    if app is None:
        raise NotFound(f"There is no app {name[:64]!r}; {SEE_APPS}")
    return app


def check_app_opens(name: str) -> None:
    """Of an app that a body names. Raises as `authorized_app`, but `BadRequest` when there is no such app: without a
    key for it nobody learns whether there is one."""
    try:
        authorized_app(name)
    except NotFound as error:
        raise BadRequest(str(error)) from None


def opened_app(name: str | None) -> str | None:
    """The app `name` if the request's key opens it, else None. Raises `Unauthorized` for an invalid key."""
    opens = _opens(name or DEFAULT_APP)
    return name if name and opens else None


def opened_apps() -> list[App]:
    """The apps that the request's key or token opens, and the default app. Raises `Unauthorized`."""
    return [app for app in services().catalog.apps if _opens(app.id)]


def _opens(name: str) -> bool:
    """Whether the request's key or token opens the app. Raises `Unauthorized` if one of them is invalid."""
    key, user = api_key(), current_user()
    return name == DEFAULT_APP or bool(key and key.allows(name)) or bool(user and user.allows(name))


def _unknown_key() -> ApiError:
    """The refusal of an unknown key. Valid keys are never slowed down: many people may share an address."""
    rate = Rate("wrong-keys", address(), services().settings.wrong_keys_per_minute)
    exceeded = services().rates.take([rate]) if rate.who and rate.per_minute else None
    if exceeded:
        message = f"Too many wrong API keys came from this address; check the key, and try again in {exceeded.wait} s"
        return TooManyRequests(message, exceeded.wait)
    return Unauthorized("The API key is not valid; check it, or ask the operator for a new one")


def _sent_key() -> str:
    if "sent_key" not in g:
        sent = request.headers.get("X-API-Key") or request.headers.get("Aomi-App-Key") or ""
        g.sent_key = sent or (_bearer_key() if conventions().bearer_keys else "")
    return cast(str, g.sent_key)


def _bearer_key() -> str:
    """'' also for `NO_KEY`, which clients send that must be given a key, and for a user's token."""
    sent = bearer_token()
    return "" if sent == NO_KEY or (has_owners() and has_form(sent)) else sent


# Clients


def client_from_query() -> str:
    """The digest of the query's `client_id`, '' without one; with owners, the user is the client. Raises
    `BadRequest`, `Unauthorized`."""
    if user := current_user():
        return user.id
    client_id = request.args.get("client_id")
    return "" if client_id is None else client_digest_of(client_id)


def client_digest_of(client_id: object) -> str:
    """The digest of a client's id; with owners, the user's, whatever the id is. Raises `BadRequest` for what is no
    id."""
    if user := current_user():
        return user.id
    return client_digest(text_of({"client_id": client_id}, "client_id", CLIENT_ID_CHARACTERS))


def client_of_session(session_id: str) -> str:
    """The digest of the query's client; without one, of the session's client, '' if it has none.

    Raises `BadRequest`.
    """
    return client_from_query() or services().vault.client_of(session_id)


def bind_client(session_id: str) -> None:
    """The session belongs to the query's client from now on, if there is one. Raises `BadRequest`."""
    if client := client_from_query():
        services().vault.bind(session_id, client)


def is_of_another_client(session_id: str) -> bool:
    """Whether the query names a client, and not the one that the session belongs to. Raises `BadRequest`."""
    if current_user():  # who owns the session
        return False
    client = client_from_query()
    return bool(client) and services().vault.client_of(session_id) != client
