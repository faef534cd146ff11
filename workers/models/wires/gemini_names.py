"""Gemini's fields by the names that Google documents. litellm writes some as protobuf does (`function_call`), which
the API also takes, but not every server that speaks its wire; and some of those answer so.

https://ai.google.dev/api/caching#Part has the names, https://protobuf.dev/programming-guides/json/ says why both work.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app import exact_json

Fields = Mapping[str, "Fields"]
"""The fields of a message that are messages themselves. Names inside all other values are kept."""

_PARTS_OF_A_RESULT: Fields = {"inlineData": {}, "fileData": {}}
_CONTENT: Fields = {
    "parts": {**_PARTS_OF_A_RESULT, "functionCall": {}, "functionResponse": {"parts": _PARTS_OF_A_RESULT}}
}
_REQUEST: Fields = {
    "contents": _CONTENT,
    "systemInstruction": _CONTENT,
    "tools": {"functionDeclarations": {}},
    "toolConfig": {"functionCallingConfig": {}},
    "generationConfig": {"thinkingConfig": {}},
    "safetySettings": {},
}
_RESPONSE: Fields = {"candidates": {"content": _CONTENT}, "promptFeedback": {}, "usageMetadata": {}}


def is_for(path: str) -> bool:
    """Whether a request to this path is one to Gemini."""
    return path.endswith((":streamGenerateContent", ":generateContent"))


def request(body: bytes) -> bytes:
    """The body of a request with each field under its documented name; one that cannot be read stays as it is."""
    try:
        return exact_json.dump_bytes(_renamed(exact_json.loads(body), _REQUEST))
    except (ValueError, TypeError):  # no JSON, or nested deeper than it can be written
        return body


def response(value: dict[str, Any]) -> dict[str, Any]:
    """A value of an answer with each field under its documented name, and without those that are null."""
    cleaned: dict[str, Any] = _renamed(value, _RESPONSE, keep_null=False)
    return cleaned


def _renamed(value: Any, fields: Fields, keep_null: bool = True) -> Any:
    if isinstance(value, list):
        return [_renamed(one, fields, keep_null) for one in value if keep_null or one is not None]
    if not isinstance(value, dict):
        return value
    named = ((_camel(name), one) for name, one in value.items() if keep_null or one is not None)
    return {name: _renamed(one, fields[name], keep_null) if name in fields else one for name, one in named}


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)
