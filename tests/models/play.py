"""Plays a case as a client does, and says what was not right about it."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.models import compare
from tests.models.cases_file import Case, Turn
from tests.models.forms import SECRET
from tests.models.journal import Directive, Entry
from tests.models.stack import Stack
from tests.support.client import Client
from tests.support.patience import patient, until

SETTLING = 5.0
"""Seconds within which usage must be counted."""


@dataclass(frozen=True)
class Played:
    """One turn as its client saw it: when it was begun, and when its terminal event came."""

    events: list[dict[str, Any]]
    began: float
    ended: float


@dataclass(frozen=True)
class Outcome:
    """A case as it was played: its turns, the requests of each, the state and the tokens billed afterwards."""

    case: Case
    turns: list[Played]
    requests: list[list[Entry]]
    state: dict[str, Any]
    billed: int
    due: int | None

    @property
    def first(self) -> list[dict[str, Any]]:
        """The normal events of the case's own turn."""
        return compare.normal(self.turns[0].events)


class Conversation:
    """One session on a backend whose messages say what the provider is to answer."""

    def __init__(self, stack: Stack, app: str = "cases") -> None:
        self.name = uuid.uuid4().hex[:12]
        self.client = Client(stack.url, stack.key)
        self._journal = stack.journal
        self._app = app
        self._turns = 0

    def text(self, answer: str, before: str = "") -> str:
        """The text of the next message."""
        self._turns += 1
        return f"{before} {Directive(answer, self.name, self._turns)}".strip()

    def begin(self, provider: str, answer: str, before: str = "", app: str | None = None) -> Any:
        """The stream of a turn, as a context manager."""
        return self.client.chat(self.text(answer, before), app or self._app, model=provider)

    def ask(self, provider: str, answer: str, before: str = "", app: str | None = None) -> Played:
        """All of a turn's events."""
        began = time.monotonic()
        with self.begin(provider, answer, before, app) as stream:
            events = list(stream.events())
            return Played(events, began, stream.arrived[-1] if stream.arrived else time.monotonic())

    def requests(self, turn: int | None = None) -> list[Entry]:
        """What the providers saw of it, or of one turn, counted from 1."""
        return self._journal.entries(self.name, turn)

    def falls_silent(self, provider: str, turn: int) -> Entry:
        """The request that hangs, once the provider has sent what it sends before."""

        def silent() -> Entry | None:
            return next((one for one in self.requests(turn) if one.silent.is_set()), None)

        return until(silent, what=f"{provider} to fall silent in turn {turn} of {self.name}")

    def billed(self, due: int | None = None) -> int:
        """Tokens counted for it; waits a while for them to be `due`."""
        deadline, pause = time.monotonic() + patient(SETTLING), 0.02
        while True:
            total = self.client.get("/api/usage", params={"session_id": self.client.session_id}).json()["total"]
            found = total["input_tokens"] + total["output_tokens"]
            if due is None or found == due or time.monotonic() > deadline:
                return found
            time.sleep(pause)
            pause *= 1.5

    def legal(self) -> Iterator[str]:
        """What was wrong with its requests: refusals by rule, and what was taken but should not be so."""
        for entry in self.requests():
            told = [f"refused: {entry.refused}"] if entry.refused else []
            for fault in told + entry.faults:
                yield f"turn {entry.directive.turn}, request to {entry.provider}: {fault}"


def play(stack: Stack, case: Case) -> Outcome:
    """Play all turns of a case in a session of its own."""
    conversation = Conversation(stack)
    turns = [conversation.ask(case.provider, case.name, case.prompt_holds)]
    turns += [conversation.ask(turn.provider, turn.answer) for turn in case.then]
    requests = [conversation.requests(place) for place in range(1, len(turns) + 1)]
    due = _due(case, turns, requests)
    return Outcome(case, turns, requests, conversation.client.state(), conversation.billed(due), due)


def problems(outcome: Outcome) -> list[str]:
    """All that was not as the case says; empty if it was."""
    checks = (_events, _later_turns, _requests, _times, _history, _secrets, _usage)
    return [problem for check in checks for problem in check(outcome)]


def _due(case: Case, turns: list[Played], requests: list[list[Entry]]) -> int | None:
    """The tokens to be billed for all turns, None where nobody can say: an answer that broke off is estimated."""
    later = [entry.tokens for entries in requests[1:] for entry in entries if entry.status == 200]
    first = [entry.tokens for entry in requests[0] if entry.status == 200]
    if "tokens" in case.expect:
        first = [case.expect["tokens"]]
    elif turns[0].events[-1]["type"] != "complete":
        return None
    counted = [count for count in first + later if count is not None]
    return sum(counted) if len(counted) == len(first + later) else None


def _events(outcome: Outcome) -> Iterator[str]:
    if not any(compare.match(outcome.first, possible) for possible in outcome.case.possible):
        yield f"events are {json.dumps(outcome.first)}, not {json.dumps(outcome.case.possible)}"
    yield from compare.faults_of_calls(outcome.turns[0].events)


def _later_turns(outcome: Outcome) -> Iterator[str]:
    for played, turn in zip(outcome.turns[1:], outcome.case.then, strict=True):
        yield from _later_turn(played, turn)


def _later_turn(played: Played, turn: Turn) -> Iterator[str]:
    found, wanted = compare.normal(played.events), turn.events
    if not compare.match(found, wanted):
        yield f"later turn with {turn.provider}: events are {json.dumps(found)}, not {json.dumps(wanted)}"


def _requests(outcome: Outcome) -> Iterator[str]:
    for entries in outcome.requests:
        for entry in entries:
            told = [f"refused: {entry.refused}"] if entry.refused else []
            yield from (f"turn {entry.directive.turn}, asking {entry.provider}: {one}" for one in told + entry.faults)
    seen, wanted = len(outcome.requests[0]), outcome.case.expect.get("requests")
    if wanted is not None and seen != wanted:
        yield f"the provider saw {seen} requests, not {wanted}"
    if not all(outcome.requests):
        yield "a turn made no request at all"


def _times(outcome: Outcome) -> Iterator[str]:
    """A machine on which a plain turn takes long may take as much longer here."""
    first, expect = outcome.requests[0], outcome.case.expect
    slack = max((turn.ended - turn.began for turn in outcome.turns[1:]), default=0.0)
    if "ends_within" in expect and first:
        took = outcome.turns[0].ended - max(entry.last_word for entry in first)
        if took > expect["ends_within"] + slack:
            yield f"the turn ended {took:.1f} s after the provider's last word, not {expect['ends_within']}"
    if "asked_again_between" in expect and len(first) > 1:
        least, most = expect["asked_again_between"]
        if not least <= first[1].at - first[0].at <= patient(most) + slack:
            yield f"asked again after {first[1].at - first[0].at:.1f} s, not {least} to {most}"


def _history(outcome: Outcome) -> Iterator[str]:
    text, messages = outcome.case.expect.get("history_holds", ""), outcome.state["messages"]
    if not any(text in (message["content"] or "") for message in messages):
        yield f"the history does not hold {text!r}"


def _secrets(outcome: Outcome) -> Iterator[str]:
    if any(SECRET in json.dumps(played.events) for played in outcome.turns):
        yield "an event holds the provider's own words"
    if SECRET in json.dumps(outcome.state):
        yield "the history holds the provider's own words"


def _usage(outcome: Outcome) -> Iterator[str]:
    if outcome.due is not None and outcome.billed != outcome.due:
        yield f"{outcome.billed} tokens were billed, not {outcome.due}"
