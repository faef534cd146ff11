"""Reading a request: ids, keys and bodies, each checked once, with an answer that says what would be right."""

from __future__ import annotations

import re
from typing import Any, Literal, cast, get_args

from flask import g, request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from app import exact_json
from app.catalog import DEFAULT_APP, App
from app.errors import ApiError, BadRequest, Forbidden, NotFound, TooManyRequests, Unauthorized
from app.state.api_keys import ApiKey
from app.state.open_requests import SERVERS_OWN
from app.state.rates import Rate
from app.state.sessions import Fields
from app.state.vault import client_digest
from app.web.address import address
from app.web.current import services
from app.web.send_timeout import patience

UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
TOKEN = re.compile(r"[A-Za-z0-9:_.-]{8,128}")
NOT_BLANK = re.compile(r"[^\s\x1c-\x1f\x85\ufeff]")  # what one of Python's and JavaScript's \s lacks is spelt out
EVENT_ID = re.compile(r"(?:.*:)?([0-9]{1,15})", re.DOTALL)

TEXT_CHARACTERS = 32_000
TITLE_CHARACTERS = 200
MODEL_CHARACTERS = 256
THREAD_CHARACTERS = 128
APP_CHARACTERS = 64
CLIENT_ID_CHARACTERS = 256
PUBLIC_KEY_CHARACTERS = 256
IDEMPOTENCY_KEY_CHARACTERS = 255
USER_STATE_BYTES = 16 * 1024
RESULT_BYTES = 16 * 1024

NO_THREAD = "There is no such thread in this session; GET /api/sessions/{id} lists those that there are"
SEE_APPS = "see /api/session/apps"

OnBusy = Literal["enqueue", "reject", "interrupt"]
ON_BUSY = get_args(OnBusy)


def session_id() -> str:
    """The session id of the header or the query. Raises `BadRequest`."""
    found = optional_session_id()
    if found is None:
        raise BadRequest("A session id is needed: header X-Session-Id or query session_id, a UUID")
    return found


def optional_session_id() -> str | None:
    """As `session_id`, None when there is none."""
    given = (request.headers.get("X-Session-Id"), *request.args.getlist("session_id"))
    ids = {checked_session_id(value) for value in given if value is not None}
    if len(ids) > 1:
        raise BadRequest("X-Session-Id and session_id name different sessions; send one, or the same in both")
    return ids.pop() if ids else None


def checked_session_id(value: str) -> str:
    """The id in lower case. Raises `BadRequest` when it has not the form of one."""
    if UUID.fullmatch(value):
        return value.lower()
    if services().settings.session_id_format == "token":
        if TOKEN.fullmatch(value):
            return value.lower()
        raise BadRequest("The session id must be a UUID, or 8 to 128 characters out of A-Z a-z 0-9 : _ . -")
    raise BadRequest("The session id must be a UUID, such as 550e8400-e29b-41d4-a716-446655440000")


def known_session() -> tuple[str, Fields]:
    """The request's session. Raises `BadRequest`, `NotFound`."""
    found = session_id()
    return found, session_or_404(found)


def session_or_404(session: str) -> Fields:
    """The session's fields. Raises `NotFound`."""
    fields = services().sessions.get(session)
    if fields is None:
        raise NotFound("There is no such session; POST /api/sessions or a first message makes one")
    return fields


def app_named(name: str | None) -> App:
    """The app called `name` (None: the default one), if the request's key opens it.

    Raises `Unauthorized` (no key, or unknown), `Forbidden` (not for this app), `NotFound` (no such app).
    """
    name = DEFAULT_APP if name is None else name
    key = api_key()
    if name != DEFAULT_APP:
        if key is None:
            raise Unauthorized("This app needs an API key: send it as X-API-Key")
        if not key.allows(name):
            raise Forbidden("The API key does not authorize this app; /api/session/apps lists those it opens")
    app = services().catalog.app(name)
    if app is None:
        raise NotFound(f"There is no app {name[:64]!r}; {SEE_APPS}")
    return app


def api_key() -> ApiKey | None:
    """The key that the request carries, None when it carries none.

    Raises `Unauthorized` for one that is not good, `TooManyRequests` when too many such came from its address.
    """
    key = known_key()
    if key is None and _given_key():
        raise _wrong_key()
    if key and key.expired:
        raise Unauthorized(f"The API key expired at {key.expires_at}; ask the operator for another one")
    return key


def api_key_id() -> str:
    """The id of that key, '' when it carries none. Raises `Unauthorized`."""
    key = api_key()
    return key.id if key else ""


def known_key() -> ApiKey | None:
    """As `api_key`, but it may have expired, and None for one that nobody knows."""
    if "known_key" not in g:
        given = _given_key()
        g.known_key = services().api_keys.find(given) if given else None
        if g.known_key and not g.known_key.expired:
            services().api_keys.used(g.known_key)
    return cast("ApiKey | None", g.known_key)


def _wrong_key() -> ApiError:
    """What a wrong key is answered. Right keys are never slowed down: one address may stand for many people."""
    rate = Rate("wrong-keys", address(), services().settings.wrong_keys_per_minute)
    exceeded = services().rates.take([rate]) if rate.who and rate.most else None
    if exceeded:
        words = f"Too many wrong API keys came from this address; check the key, and try again in {exceeded.wait} s"
        return TooManyRequests(words, exceeded.wait)
    return Unauthorized("The API key is not valid; check it, or ask the operator for another one")


def _given_key() -> str:
    return request.headers.get("X-API-Key") or request.headers.get("Aomi-App-Key") or ""


def known_app(fields: dict[str, Any]) -> str:
    """The id of an existing app in the body's `app`. Raises `BadRequest`."""
    name = text_of(fields, "app", APP_CHARACTERS)
    if services().catalog.app(name) is None:
        raise BadRequest(f"There is no app {name!r}; {SEE_APPS}")
    return name


def client(session: str) -> str:
    """The digest of the query's `client_id`; without one, of the client that the session belongs to, '' if to none.

    Raises `BadRequest`.
    """
    return named_client() or services().vault.client_of(session)


def named_client() -> str:
    """The digest of the query's `client_id`, '' without one. Raises `BadRequest`."""
    given = request.args.get("client_id")
    return "" if given is None else client_named(given)


def bind_client(session: str) -> None:
    """The session belongs to the query's `client_id` from now on, if there is one. Raises `BadRequest`."""
    if found := named_client():
        services().vault.bind(session, found)


def client_named(value: Any) -> str:
    """The digest of a client's id. Raises `BadRequest`."""
    return client_digest(text_of({"client_id": value}, "client_id", CLIENT_ID_CHARACTERS))


def app_parameter() -> str | None:
    """The app that the query asks for."""
    return request.args.get("app") or request.args.get("namespace")


def body() -> dict[str, Any]:
    """The JSON object of the body. Raises `BadRequest`."""
    try:
        found = exact_json.strict(received())
    except ValueError:
        raise BadRequest("The body must be JSON: an object, in UTF-8") from None
    if not isinstance(found, dict):
        raise BadRequest("The body must be a JSON object")
    return found


def optional_body() -> dict[str, Any]:
    """As `body`, {} when there is none."""
    return body() if received().strip() else {}


def received() -> bytes:
    """All of the body's bytes. Raises `BadRequest` when they are not all there."""
    try:
        with patience(request.environ.get("gunicorn.socket"), services().settings.send_timeout):
            data = request.get_data()
            # of a chunked body werkzeug takes the first MAX_BODY bytes for all
            if "Transfer-Encoding" in request.headers and request.environ["wsgi.input"].read(1):
                raise RequestEntityTooLarge
    except ClientDisconnected:
        raise BadRequest("The body broke off, or did not go on in time; send the request again") from None
    except ParseException:
        raise BadRequest(
            "The chunks of the body are malformed; send them as HTTP/1.1 says, or a Content-Length"
        ) from None
    if len(data) < (request.content_length or 0):
        raise BadRequest("The body is shorter than its Content-Length says; send all of it")
    return data


def text_of(fields: dict[str, Any], name: str, limit: int) -> str:
    """A string that is not blank, at most `limit` characters. Raises `BadRequest`."""
    value = fields.get(name)
    if not isinstance(value, str) or not NOT_BLANK.search(value):
        raise BadRequest(f"{name!r} must be a string that is not blank")
    if len(value) > limit:
        raise BadRequest(f"{name!r} may have at most {limit:,} characters, it has {len(value):,}")
    return value


def optional_text_of(fields: dict[str, Any], name: str, limit: int) -> str:
    """As `text_of`, '' when it is not given."""
    return "" if fields.get(name) is None else text_of(fields, name, limit)


def object_of(fields: dict[str, Any], name: str, limit: int) -> dict[str, Any]:
    """A JSON object of at most `limit` bytes. Raises `BadRequest`."""
    value = fields.get(name)
    if not isinstance(value, dict):
        raise BadRequest(f"{name!r} must be a JSON object")
    try:
        size = len(exact_json.checked(value))
    except exact_json.TooDeep:
        raise BadRequest(f"{name!r} is nested too deeply: at most about 240 levels") from None
    if size > limit:
        raise BadRequest(f"{name!r} may have at most {limit // 1024} KiB")
    return value


def user_state_of(value: Any) -> dict[str, Any]:
    """A user state as given by the client, without the server's own parts. Raises `BadRequest`."""
    if not isinstance(value, dict):
        raise BadRequest('\'user_state\' must be a JSON object, such as {"address": "0x...", "chain_id": 1}')
    own = {name: part for name, part in value.items() if name not in SERVERS_OWN}
    return object_of({"user_state": own}, "user_state", USER_STATE_BYTES)


def number_of(value: str, what: str) -> int:
    """An event number such as `17`, or the end of `run_...:17`. Raises `BadRequest`."""
    found = EVENT_ID.fullmatch(value)
    if found is None:
        raise BadRequest(f"{what} must be the id of an event of this stream, such as 17")
    return int(found[1])
