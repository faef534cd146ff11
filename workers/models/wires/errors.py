"""Errors inside a stream that began with 200, and the parts of a refusal's body: all providers' forms."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from workers.models.delta import Broken

_WORDS = ("message", "detail", "msg")

_CODE = re.compile(r"[\w.:/-]{1,80}")
"""Codes are logged: what is longer, or has blanks, may quote the conversation."""


def error_in(value: Any, event: str = "") -> Broken | None:
    """The error that a frame is, None if it is none."""
    if isinstance(value, list):
        return error_in(value[0], event) if len(value) == 1 else None
    if not isinstance(value, dict):
        return Broken(words=str(value)) if event == "error" else None
    if value.get("error"):
        return described(value)
    is_flat = event == "error" or value.get("object") == "error" or value.get("type") == "error"
    if is_flat or ("choices" not in value and _tells_of_an_error(value)):
        return described(value)
    return _of_choice(value)


def _tells_of_an_error(value: dict[str, Any]) -> bool:
    """The forms of gateways. (A message of Anthropic's or Ollama's wire is no text.)"""
    return "detail" in value or isinstance(value.get("message"), str) or bool(value.get("errors"))


def described(body: Any) -> Broken:
    """The text of an error's body."""
    if isinstance(body, list) and body:
        return described(body[0])
    if not isinstance(body, dict):
        return Broken(words=str(body))
    error = body.get("error") or _first(body.get("errors")) or body
    if not isinstance(error, dict):
        return Broken(_status(body), tuple(_codes(body)), str(error))
    codes = tuple(dict.fromkeys([*_codes(error), *_codes(error.get("innererror")), *_reasons(error)]))
    words = next((error[name] for name in _WORDS if isinstance(error.get(name), str)), str(error))
    return Broken(_status(error) or _status(body), codes, words, _retry_delay(error))


def _first(errors: Any) -> Any:
    return errors[0] if isinstance(errors, list) and errors else None


def _of_choice(value: dict[str, Any]) -> Broken | None:
    """OpenRouter's error may be in a choice, Groq's in a field of its own."""
    choices, of_groq = value.get("choices"), value.get("x_groq")
    first = choices[0] if isinstance(choices, list) and choices else None
    for holder in (first, of_groq):
        if isinstance(holder, dict) and holder.get("error"):
            return described({"error": holder["error"]})
    return None


def _status(error: dict[str, Any]) -> int:
    """The HTTP status: some say it as `code`, some as `status`, some as text."""
    for name in ("code", "status_code", "status", "http_status"):
        found = error.get(name)
        if isinstance(found, str) and found.isdecimal():
            found = int(found)
        if isinstance(found, int) and 400 <= found < 600:
            return found
    return 0


def _codes(error: Any) -> Iterator[str]:
    for name in ("code", "type", "status"):
        found = error.get(name) if isinstance(error, dict) else None
        if isinstance(found, str) and _CODE.fullmatch(found) and not found.isdecimal() and found != "error":
            yield found.lower()


def _reasons(error: dict[str, Any]) -> Iterator[str]:
    """Google's, in the details."""
    for detail in _details(error):
        if isinstance(reason := detail.get("reason"), str) and _CODE.fullmatch(reason):
            yield reason.lower()


def _retry_delay(error: dict[str, Any]) -> float | None:
    """Google's, such as `13s`."""
    for detail in _details(error):
        delay = detail.get("retryDelay")
        if isinstance(delay, str) and (found := re.fullmatch(r"(\d+(?:\.\d+)?)s", delay)):
            return float(found.group(1))
    return None


def _details(error: dict[str, Any]) -> list[dict[str, Any]]:
    details = error.get("details")
    return [detail for detail in details if isinstance(detail, dict)] if isinstance(details, list) else []
