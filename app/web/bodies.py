"""The body of a request: its bytes, and the JSON object in it."""

from __future__ import annotations

from typing import Any

from flask import request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from app import exact_json
from app.errors import BadRequest
from app.web.current import services
from app.web.send_timeout import socket_timeout


def json_body() -> dict[str, Any]:
    """The JSON object of the body. Raises `BadRequest`."""
    try:
        found = exact_json.strict(raw_body())
    except ValueError:
        raise BadRequest("The body must be JSON: an object, in UTF-8") from None
    if not isinstance(found, dict):
        raise BadRequest("The body must be a JSON object")
    return found


def optional_json_body() -> dict[str, Any]:
    """As `json_body`, {} when the body is empty."""
    return json_body() if raw_body().strip() else {}


def raw_body() -> bytes:
    """All bytes of the body. Raises `BadRequest` when some are missing."""
    try:
        with socket_timeout(request.environ.get("gunicorn.socket"), services().settings.send_timeout):
            data = request.get_data()
            # werkzeug stops reading a chunked body after MAX_BODY bytes and does not say so
            if "Transfer-Encoding" in request.headers and request.environ["wsgi.input"].read(1):
                raise RequestEntityTooLarge
    except ClientDisconnected:
        raise BadRequest("The body broke off, or did not go on in time; send the request again") from None
    except ParseException:
        raise BadRequest("The chunks of the body are malformed; send valid chunks or a Content-Length") from None
    if len(data) < (request.content_length or 0):
        raise BadRequest("The body is shorter than its Content-Length says; send all of it")
    return data
