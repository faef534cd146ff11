"""The JSON of the dialect as types: for /openapi.json, and to validate request bodies."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, NotRequired

from pydantic import BeforeValidator, Field, WithJsonSchema
from typing_extensions import TypedDict

from app.dialects.gen1.provider_secrets import PREFIX, provider_of
from app.errors import BadRequest
from app.events.types import exact_schema
from app.openapi.declare import Parameter, RouteSpec
from app.state.accounts.vault import MAX_PER_CLIENT
from app.web import parsing
from app.web.bodies import expected

_CLIENT_SCHEMA = {"type": "string", "pattern": r"\S", "maxLength": parsing.CLIENT_ID_CHARACTERS}
CLIENT_ID = RouteSpec((Parameter("client_id", "query", "The secrets' client.", _CLIENT_SCHEMA, True),), (400,))
PROVIDER = r"[a-z0-9][a-z0-9_.-]{0,63}"
NAME = r"[A-Za-z0-9_-]{1,64}"
KEY_CHARACTERS = 1024
SECRET_CHARACTERS = 8192
SHORTEST_SECRET = 4
LABEL_CHARACTERS = 200

NOT_CONFIGURED = RouteSpec(refusals=(501,))


@exact_schema(
    sender="agent", content="$3,500.00.", timestamp="2025-01-15T10:30:00.000Z", is_streaming=False, tool_result=None
)
class Gen1Message(TypedDict):
    """A message. `tool_result` is name and result of a tool, both as text."""

    sender: Literal["user", "agent", "system"]
    content: str
    timestamp: str
    is_streaming: bool
    tool_result: Annotated[list[str], Field(min_length=2, max_length=2)] | None


@exact_schema(messages=[], system_events=[], title="", is_processing=False, user_state={"next_id": 1})
class Gen1State(TypedDict):
    """The state of a session. Each system event is delivered once. `interrupted` is in the response to an interrupt."""

    messages: list[Gen1Message]
    system_events: list[dict[str, Any]]
    title: str
    is_processing: bool
    user_state: dict[str, Any]
    interrupted: NotRequired[bool]


@exact_schema(res={"sender": "system", "content": "{}", "timestamp": "t", "is_streaming": False, "tool_result": None})
class SystemAnswer(TypedDict):
    """The accepted message, or the reason why it was refused."""

    res: Gen1Message


@exact_schema(provider="openai", key_prefix="sk-own-", label=None, is_active=True)
class ShownKey(TypedDict):
    """A client's own key for a model provider."""

    provider: str
    key_prefix: str
    label: str | None
    is_active: Literal[True]


@exact_schema(provider_keys=[])
class ShownKeys(TypedDict):
    """The keys of a session's client."""

    provider_keys: list[ShownKey]


@exact_schema(key={"provider": "openai", "key_prefix": "sk-own-", "label": None, "is_active": True})
class SavedKey(TypedDict):
    """The saved key."""

    key: ShownKey


def _stripped(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


def _provider(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


KEY_PATTERN = f"^[!-~]{{1,{KEY_CHARACTERS}}}$"
_KEY_FORM = f"at most {KEY_CHARACTERS:,} characters of printable ASCII, because it goes into a header"


class NewKey(TypedDict):
    """A key of the session's client."""

    provider: Annotated[
        str,
        Field(pattern=f"^{PROVIDER}$"),
        BeforeValidator(_provider),
        expected("the name of a model provider, such as openai"),
    ]
    api_key: Annotated[str, Field(pattern=KEY_PATTERN), BeforeValidator(_stripped), expected(_KEY_FORM)]
    label: NotRequired[Annotated[str, Field(max_length=LABEL_CHARACTERS, pattern=parsing.NOT_BLANK.pattern)] | None]


_SECRETS_SCHEMA = {
    "type": "object",
    "patternProperties": {
        f"^{NAME}$": {"type": "string", "minLength": SHORTEST_SECRET, "maxLength": SECRET_CHARACTERS},
        f"^{PREFIX}{PROVIDER}$": {"type": "string", "pattern": KEY_PATTERN},
    },
    "additionalProperties": False,
    "minProperties": 1,
    "maxProperties": MAX_PER_CLIENT,
}


def _secrets(value: Any) -> dict[str, str]:
    """Raises `BadRequest`, which names a wrong secret."""
    if not isinstance(value, dict) or not value:
        raise BadRequest("'secrets' must be a JSON object of names and strings")
    for name, secret in value.items():
        if name.startswith(PREFIX):
            _check_provider_key(name, secret)
        else:
            _check_secret(name, secret)
    return value


def _check_secret(name: str, secret: Any) -> None:
    if not re.fullmatch(NAME, name):
        raise BadRequest(
            "The name of a secret must be 1 to 64 characters out of A-Z a-z 0-9 _ -, or that of a provider key, such "
            f"as {PREFIX}openai"
        )
    if not isinstance(secret, str) or not SHORTEST_SECRET <= len(secret) <= SECRET_CHARACTERS:
        length = f"{SHORTEST_SECRET} to {SECRET_CHARACTERS} characters"
        raise BadRequest(f"The secret {name!r} must be a string of {length}")


def _check_provider_key(name: str, key: Any) -> None:
    if not re.fullmatch(PROVIDER, provider_of(name)):
        raise BadRequest(f"{PREFIX} must be followed by the name of a model provider, such as openai")
    if not isinstance(key, str) or not re.fullmatch(KEY_PATTERN, key.strip()):
        raise BadRequest(f"The secret {name!r} must be {_KEY_FORM}")


class NewSecrets(TypedDict):
    """Secrets of a client, by name. `PROVIDER_KEY:openai` is its key for a model provider."""

    client_id: Annotated[str, Field(pattern=parsing.NOT_BLANK.pattern, max_length=parsing.CLIENT_ID_CHARACTERS)]
    secrets: Annotated[dict[str, str], WithJsonSchema(_SECRETS_SCHEMA), BeforeValidator(_secrets)]


@exact_schema(handles={"TOKEN": "$SECRET:TOKEN"})
class Handles(TypedDict):
    """The handle of each secret, to use in a tool's argument. A provider key has none."""

    handles: dict[str, str]


@exact_schema(deleted=True)
class Deleted(TypedDict):
    """False if it did not exist."""

    deleted: bool


@exact_schema(cleared=True)
class Cleared(TypedDict):
    """All secrets are deleted, and the provider keys that were sent as secrets."""

    cleared: Literal[True]
