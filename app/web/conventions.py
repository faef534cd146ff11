"""How the requests of a dialect differ from those of the reference API. A dialect declares it when it mounts a
blueprint; the hooks of every request ask here, so that they know no dialect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from flask import Blueprint, Flask, current_app, g, request


@dataclass(frozen=True)
class Refused:
    """Why a request got no result. `message` is for users; a retry after `retry_after` seconds may succeed."""

    status: int
    message: str
    retry_after: int | None = None


def plain_error(refused: Refused) -> Mapping[str, Any]:
    """The form of the reference API."""
    return {"error": refused.message}


def no_headers(refused: Refused) -> Mapping[str, str]:
    """An error response has no header of its own."""
    return {}


@dataclass(frozen=True)
class Conventions:
    """Of the requests to a blueprint.

    `error_body` makes the JSON of an error response, of the type `error_type` (None: the reference API's) in the API
    document, `error_headers` its headers beside `Retry-After`. With `bearer_keys` an API key may come as
    `Authorization: Bearer`. With `long_bodies` a body may have AOMI_MAX_BODY bytes. `stops` are endpoints
    (`blueprint.view`) that stop a turn: they are limited as reads. `lists` are those that list sessions of a public
    key: with AOMI_REQUIRE_KEY_FOR_SESSIONS they need a key. Without `shows_sessions` that setting leaves the blueprint
    alone. `without_session` are endpoints that concern no session: with owners they need no token. They also hold for
    the path `prefix` and all below it that do not exist, or not with that method.
    """

    error_body: Callable[[Refused], Mapping[str, Any]] = plain_error
    error_type: Any = None
    error_headers: Callable[[Refused], Mapping[str, str]] = no_headers
    bearer_keys: bool = False
    long_bodies: bool = False
    stops: frozenset[str] = frozenset()
    lists: frozenset[str] = frozenset()
    shows_sessions: bool = True
    without_session: frozenset[str] = frozenset()
    prefix: str = ""


REFERENCE = Conventions()


def mount(app: Flask, blueprint: Blueprint, conventions: Conventions) -> None:
    """Mount a dialect's blueprint."""
    app.register_blueprint(blueprint)
    app.extensions.setdefault("aomi_conventions", {})[blueprint.name] = conventions


def conventions_of(app: Flask, blueprint: str | None) -> Conventions:
    """Of the blueprint of this name; of none and of the reference API's, the reference API's."""
    declared = app.extensions.get("aomi_conventions", {})
    return cast(Conventions, declared.get(blueprint, REFERENCE))


def conventions() -> Conventions:
    """Of the current request."""
    if "conventions" not in g:
        name = request.blueprint
        g.conventions = _of_unknown_path() if name is None else conventions_of(current_app, name)
    return cast(Conventions, g.conventions)


def _of_unknown_path() -> Conventions:
    declared: Mapping[str, Conventions] = current_app.extensions.get("aomi_conventions", {})
    path = f"{request.path}/"
    below = (one for one in declared.values() if one.prefix and path.startswith(f"{one.prefix}/"))
    return next(below, REFERENCE)
