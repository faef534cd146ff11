"""What Gemini refuses."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.models.rules.request import Refused, Request, Served, check_name

DOCUMENTED = ("context_engineering_is_the_way_to_go", "skip_thought_signature_validator")
PLACEHOLDERS = {*DOCUMENTED, *(base64.b64encode(word.encode()).decode() for word in DOCUMENTED)}
"""What Google's documentation names for calls that another model made; as it stands there, or as bytes."""
Part = dict[str, Any]


def _contents(request: Request) -> list[tuple[str, list[Part]]]:
    return [(content.get("role", "user"), content.get("parts") or []) for content in request.body["contents"]]


def _calls(parts: list[Part]) -> list[Part]:
    return [part for part in parts if "functionCall" in part]


def _names(parts: list[Part], kind: str) -> Counter[str]:
    return Counter(part[kind].get("name") for part in parts if kind in part)


def names_are_legal(request: Request) -> None:
    for _, parts in _contents(request):
        for name in [*_names(parts, "functionCall"), *_names(parts, "functionResponse")]:
            check_name(name)


def first_content_is_the_users(request: Request) -> None:
    contents = _contents(request)
    if not contents or contents[0][0] != "user" or _names(contents[0][1], "functionResponse"):
        raise Refused("Please ensure that the first content is a user turn")


def no_content_is_without_parts(request: Request) -> None:
    for _, parts in _contents(request):
        if not parts or any(part == {} for part in parts):
            raise Refused("contents.parts must not be empty")


def calls_follow_the_user_or_results(request: Request) -> None:
    before = "model"
    for role, parts in _contents(request):
        if _calls(parts) and before == "model":
            raise Refused(
                "a function call turn must come immediately after a user turn or after a function response turn"
            )
        before = role


def each_call_has_its_result(request: Request) -> None:
    """The next content has a result of the same name for each call, and no result stands elsewhere."""
    asked: Counter[str] = Counter()
    for _, parts in [*_contents(request), ("user", [])]:
        if _names(parts, "functionResponse") != asked:
            raise Refused("the number of function response parts must be equal to that of function call parts")
        asked = _names(parts, "functionCall")


def signatures_are_known(request: Request) -> None:
    own = {signature for reply in request.served for signature in (*reply.signatures, *reply.text_signatures)}
    for _, parts in _contents(request):
        for part in parts:
            if "thoughtSignature" in part and part["thoughtSignature"] not in own | PLACEHOLDERS:
                raise Refused("Thought signature is not valid")


def calls_of_the_turn_carry_their_signature(request: Request) -> None:
    """The first call of each content in the current turn has its signature as it came."""
    for parts in _calls_of_the_turn(request):
        given, own = parts[0].get("thoughtSignature"), _own(request, parts)
        if given is None or (own and own.signatures[0] and given != own.signatures[0]):
            raise Refused(f"Function call `{parts[0]['functionCall'].get('name')}` is missing a `thought_signature`")


def own_signatures_come_back(request: Request) -> None:
    """In later turns, too."""
    for _, parts in _contents(request):
        calls = _calls(parts)
        own = _own(request, calls)
        for part, signature in zip(calls, own.signatures if own else (), strict=False):
            if signature and part.get("thoughtSignature") != signature:
                raise Refused("a signature of its own did not come back")


def _own(request: Request, calls: list[Part]) -> Served | None:
    made = [(part["functionCall"].get("name"), part["functionCall"].get("args") or {}) for part in calls]
    return request.reply(made) if made else None


def _calls_of_the_turn(request: Request) -> Iterator[list[Part]]:
    contents = _contents(request)
    texts = [
        place for place, (role, parts) in enumerate(contents) if role == "user" and any("text" in p for p in parts)
    ]
    for _, parts in contents[texts[-1] if texts else 0 :]:
        if calls := _calls(parts):
            yield calls
