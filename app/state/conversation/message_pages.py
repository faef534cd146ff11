"""Pages of a thread's messages, the newest first: no read holds Redis for long, or has a long history at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from app import exact_json
from app.state.connection.clients import Client
from app.state.conversation import transcript

READ_AT_ONCE = 200
"""Messages that are read in one command."""


Place = Callable[[Iterable[transcript.Message]], list[transcript.Message]]
"""Adds `parent_id` and `siblings` to successive messages; the first one counts as the first of the thread."""


@dataclass(frozen=True)
class WantedMessages:
    """At most `limit` messages, those before the message `before` ('' for the newest). Messages that have nothing but
    reasoning count only `with_reasoning`; `with_facts` they have the facts of turns."""

    limit: int
    before: str = ""
    with_reasoning: bool = False
    with_facts: bool = False


@dataclass(frozen=True)
class MessagePage:
    """Messages as clients get them, the newest last. `has_more` says whether there are older ones."""

    messages: list[transcript.Message]
    has_more: bool


def read_messages(
    newest: Sequence[transcript.Message], older: Iterator[transcript.Message], wanted: WantedMessages, place: Place
) -> MessagePage | None:
    """A page of a thread's `newest` messages and the `older` ones before them, of which it reads as many as it needs,
    the newest first. None if no message has the id `before`."""
    newest_first = chain(reversed(newest), older)
    if wanted.before and not any(transcript.client_id(one) == wanted.before for one in newest_first):
        return None
    shown = (one for one in newest_first if transcript.is_shown(one, with_reasoning=wanted.with_reasoning))
    page = list(islice(shown, wanted.limit))
    before = list(_through_first_fork(shown))
    placed = place(reversed([*page, *before]))
    asked = {"with_reasoning": wanted.with_reasoning, "with_facts": wanted.with_facts}
    return MessagePage(transcript.for_clients(placed[len(before) :], **asked), has_more=bool(before))


def _through_first_fork(messages: Iterable[transcript.Message]) -> Iterator[transcript.Message]:
    """The messages to the first one that others may follow on branches of their own: no thoughts alone, no step."""
    for message in messages:
        yield message
        if transcript.is_shown(message) and not transcript.is_step(message):
            return


def backward(redis: Client, key: str, count: int) -> Iterator[transcript.Message]:
    """The first `count` messages of a list, the last of them first."""
    for end in range(count, 0, -READ_AT_ONCE):
        read = redis.lrange(key, max(0, end - READ_AT_ONCE), end - 1)
        yield from (exact_json.loads(raw) for raw in reversed(read))
