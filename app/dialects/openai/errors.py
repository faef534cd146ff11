"""Errors in OpenAI's form, which its clients turn into exceptions by status."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from typing_extensions import TypedDict

from app.web.conventions import Refused

_PARAM = re.compile(r"'([a-z_]+)' ")
"""Refusals of a field begin with its name."""

_CODES = {
    401: "invalid_api_key",
    402: "insufficient_quota",
    404: "not_found",
    429: "rate_limit_exceeded",
}
_TYPES = {401: "authentication_error", 402: "insufficient_quota", 403: "permission_error", 429: "rate_limit_error"}
_SERVER = 500
"""The first status that is no mistake of the client."""

_FINAL = frozenset({409, 502})
"""Statuses that OpenAI's packages retry by themselves, though the same request gets the same refusal: of a turn that
waits for a person, or that failed for good. Each retry would be one more turn that is paid for."""


class OpenAIErrorBody(TypedDict):
    """The mistake. `param` names the field, where it is one."""

    message: str
    type: str
    param: str | None
    code: str | None


class OpenAIError(TypedDict):
    """A request is refused."""

    error: OpenAIErrorBody


def error_body(refused: Refused) -> Mapping[str, Any]:
    """The JSON of an error response."""
    named = _PARAM.match(refused.message)
    kind = "server_error" if refused.status >= _SERVER else "invalid_request_error"
    return {
        "error": {
            "message": refused.message,
            "type": _TYPES.get(refused.status, kind),
            "param": named[1] if named else None,
            "code": _CODES.get(refused.status),
        }
    }


def error_headers(refused: Refused) -> Mapping[str, str]:
    """`X-Should-Retry`, which the packages read before the status (`_should_retry` of openai-python)."""
    return {"X-Should-Retry": "false"} if refused.status in _FINAL else {}
