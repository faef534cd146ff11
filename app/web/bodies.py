"""The body of a request: its bytes, the JSON object in it, and what a type of `app.openapi` says of the object."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

from flask import request
from gunicorn.http.errors import ParseException
from pydantic import TypeAdapter, ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import ErrorDetails, PydanticCustomError
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from app import exact_json
from app.errors import BadRequest
from app.web.parsing import NOT_BLANK

T = TypeVar("T")

EXPECTED = {
    "string_type": "a string that is not blank",
    "dict_type": "a JSON object",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "literal_error": "{expected}",
    "unexpected": "{description}",
}
"""The correction in a refusal, by pydantic's type of the error; the fields of its context may be used."""


BROKEN_OFF = "The body broke off, or did not go on in time; send the request again"
BROKEN_CHUNKS = "The chunks of the body are malformed; send valid chunks or a Content-Length"


def json_body() -> dict[str, Any]:
    """The JSON object of the body. Raises `BadRequest`."""
    try:
        value = exact_json.strict(raw_body())
    except ValueError:
        raise BadRequest("The body must be JSON: an object, in UTF-8") from None
    if not isinstance(value, dict):
        raise BadRequest("The body must be a JSON object")
    return value


def optional_json_body() -> dict[str, Any]:
    """As `json_body`, {} when the body is empty."""
    return json_body() if raw_body().strip() else {}


def raw_body() -> bytes:
    """All bytes of the body. Raises `BadRequest` when some are missing."""
    try:
        data = request.get_data()
        # werkzeug stops reading a chunked body after `request.max_content_length` bytes and does not say so
        if "Transfer-Encoding" in request.headers and request.environ["wsgi.input"].read(1):
            raise RequestEntityTooLarge
    except ClientDisconnected:
        raise BadRequest(BROKEN_OFF) from None
    except ParseException:
        raise BadRequest(BROKEN_CHUNKS) from None
    if len(data) < (request.content_length or 0):
        raise BadRequest("The body is shorter than its Content-Length says; send all of it")
    return data


def expected(description: str) -> WrapValidator:
    """Part of a field's type: where the field is wrong, the refusal is `'name' must be <description>`."""

    def check(value: Any, inner: ValidatorFunctionWrapHandler) -> Any:
        try:
            return inner(value)
        except ValidationError:
            raise PydanticCustomError("unexpected", "must be {description}", {"description": description}) from None

    return WrapValidator(check)


def validated(kind: type[T], fields: dict[str, Any]) -> T:
    """The fields that the type `kind` has; others are left out. Raises `BadRequest` for the first that is wrong."""
    try:
        return _adapter(kind).validate_python(fields)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
    name = str(first["loc"][0])
    if first["type"] == "missing" and len(first["loc"]) == 1:  # says the same as null, which says what would be right
        return validated(kind, fields | {name: None})
    raise BadRequest(_message(name, first))


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _message(name: str, error: ErrorDetails) -> str:
    """In our words. The value stays out of it: it may be a secret."""
    context = error.get("ctx", {})
    if error["type"] == "string_too_long":
        return f"{name!r} may have at most {context['max_length']:,} characters, it has {len(error['input']):,}"
    if context.get("pattern") == NOT_BLANK.pattern:
        return f"{name!r} must be {EXPECTED['string_type']}"
    expected = EXPECTED.get(error["type"])
    return f"{name!r} must be {expected.format(**context)}" if expected else f"{name!r} is invalid: {error['msg']}"
