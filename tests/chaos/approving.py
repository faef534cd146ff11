"""A conversation whose turns wait for a person: answered in every way, by another message, by a stop, or by nobody."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.chaos.reader import SECONDS, Broken, Reader, Sent
from tests.chaos.site import ANSWER_TTL, ASKING, Site
from tests.support.client import PLAIN
from tests.support.patience import patient
from tests.support.servers import Calls, Step, Text

PICK = {"name": "Pick", "description": "Pick a color", "parameters": {"type": "object", "properties": {"of": {}}}}
"""The tool that the client runs."""

TAKEN, CLOSED = 200, 409


@dataclass
class Waiting:
    """A call that waits or waited. `taken` are the answers that counted, `unsure` those that may have: the reply to one
    was lost, and the next one to it said that the call was closed."""

    call_id: str
    name: str
    line: str
    """What the tool writes into the file, if the arguments stay."""
    taken: list[dict[str, Any]] = field(default_factory=list)
    unsure: list[dict[str, Any]] = field(default_factory=list)
    since: float = field(default_factory=time.monotonic)


class Approval:
    """One session of its own. `sent` are its turns, also those that go on with answers; `calls` all that waited."""

    def __init__(self, site: Site, rng: random.Random, pool: ThreadPoolExecutor) -> None:
        self.session_id = str(uuid.uuid4())
        self.sent: list[Sent] = []
        self.calls: list[Waiting] = []
        self.notes: Path = site.folder / f"notes-{self.session_id}"
        self._site = site
        self._rng = rng
        self._pool = pool

    def run(self) -> None:
        """Raises `Broken`."""
        rounds = self._rng.randint(1, 2)
        asking: list[list[Step]] = [[*self._some_words(), self._some_calls(f"{n}")] for n in range(rounds)]
        text = self._site.provider.script(f"asks {self.session_id}", *asking, [_words(self._rng)])
        last = self._read(Sent(self.session_id, text, "asks", app=ASKING["id"], more={"tools": [PICK]})).result()
        while last and (last.end or {}).get("awaiting"):
            waiting = self._waiting(last)
            self._pause()
            act = self._rng.choices(list(ENDS), list(ENDS.values()))[0]
            last = act(self, waiting, text)
        if last is None or self._rng.random() < 0.5:
            return
        self._tell("and then").result()

    # what may end the wait

    def answer(self, waiting: list[Waiting], text: str) -> Sent | None:
        """Answer all calls. Returns the turn that went on."""
        went_on = {run_id for answer in self._answers(waiting) if (run_id := answer.result())}
        if not went_on and time.monotonic() > waiting[0].since + ANSWER_TTL - 1:
            return None  # they came too late
        if not went_on and any(call.unsure for call in waiting):
            return None  # the response that named the turn was lost; the verdict knows whether one went on
        if len(went_on) != 1:
            raise Broken(f"{went_on} went on with the answers to {waiting}: {self.session_id}")
        return self._follow(went_on.pop(), text)

    def answer_and_message(self, waiting: list[Waiting], text: str) -> Sent | None:
        """Both at once: either may be first."""
        answers = self._answers(waiting, at_once=True)
        message = self._tell("meanwhile")
        went_on = {run_id for answer in answers if (run_id := answer.result())}
        message.result()
        if len(went_on) > 1:
            raise Broken(f"{went_on} went on with the answers to {waiting}: {self.session_id}")
        for run_id in went_on:
            goes_on = self._follow(run_id, text)
            if (goes_on.end or {}).get("awaiting"):  # the message closes these calls
                self._waiting(goes_on)
        return None

    def message(self, waiting: list[Waiting], text: str) -> Sent | None:
        """Another message instead, after some of the answers at most."""
        self._answer_some(waiting)
        self._tell("instead").result()
        return None

    def stop(self, waiting: list[Waiting], text: str) -> Sent | None:
        self._answer_some(waiting)
        self._until_answered("POST", "/api/interrupt", {})
        return None

    def leave(self, waiting: list[Waiting], text: str) -> Sent | None:
        """Nobody answers the rest."""
        self._answer_some(waiting)
        return None

    def _answer_some(self, waiting: list[Waiting]) -> None:
        for call in waiting[1:]:
            self._answer([call], self._decisions([call]))

    def _answers(self, waiting: list[Waiting], *, at_once: bool | None = None) -> list[Future[str]]:
        """The answers to all calls: in one request or in several, each of which may come twice and differ. The results
        are the turns that went on."""
        parts = [[call] for call in waiting] if self._rng.random() < 0.5 else [waiting]
        self._rng.shuffle(parts)
        is_crowd = self._rng.random() < 0.5 if at_once is None else at_once
        answers = []
        for part in parts:
            decided = [self._decisions(part) for _ in range(self._rng.randint(1, 2))]
            answers += [self._pool.submit(self._answer, part, decisions) for decisions in decided]
            if not is_crowd:
                for answer in answers:
                    answer.result()
        return answers

    def _decisions(self, calls: list[Waiting]) -> list[dict[str, Any]]:
        return [_decision(self._rng, call, str(self.notes)) for call in calls]

    def _answer(self, calls: list[Waiting], decisions: list[dict[str, Any]]) -> str:
        """Answer calls once. Returns the turn that went on, '' if others have no answer or somebody was first."""
        path = random.Random(str(decisions)).choice(["/api/chat", "/api/control/answer"])
        answer, was_lost = self._until_answered("POST", path, {"answers": decisions})
        if answer.status_code not in (TAKEN, CLOSED):
            raise Broken(f"{decisions}: {answer.status_code}, {answer.text}")
        for call, decision in zip(calls, decisions, strict=True):
            if answer.status_code == TAKEN:
                call.taken.append(decision)
            elif was_lost:
                call.unsure.append(decision)
        return _went_on(answer, self.sent)

    def _follow(self, run_id: str, text: str) -> Sent:
        return self._read(Sent(self.session_id, text, "goes on", run_id=run_id)).result()

    def _tell(self, kind: str) -> Future[Sent]:
        text = self._site.provider.script(f"{kind} {self.session_id} {len(self.sent)}", [_words(self._rng)])
        return self._read(Sent(self.session_id, text, kind, app=ASKING["id"]))

    def _read(self, sent: Sent) -> Future[Sent]:
        self.sent.append(sent)
        rng = random.Random(f"{self.session_id} {len(self.sent)}")
        return self._pool.submit(Reader(self._site, rng, sent).read)

    def _waiting(self, asks: Sent) -> list[Waiting]:
        """The calls with which a turn has ended, as its stream and `pending` tell of them."""
        made = {event["call_id"]: event for event in asks.events if event["type"] == "tool_call"}
        waiting = [Waiting(one, made[one]["name"], made[one]["args"].get("line", "")) for one in asks.end["awaiting"]]
        self.calls += waiting
        return waiting

    def _pause(self) -> None:
        """A moment, or until the site has suffered more."""
        time.sleep(self._rng.uniform(0, 0.5))
        misfortunes = self._site.misfortunes + self._rng.choice([0, 0, 1, 3])
        deadline = time.monotonic() + ANSWER_TTL / 4
        while self._site.misfortunes < misfortunes and time.monotonic() < deadline:
            time.sleep(0.05)

    def _some_words(self) -> list[Step]:
        return [_words(self._rng)] if self._rng.random() < 0.5 else []

    def _some_calls(self, name: str) -> Calls:
        """Up to three that wait, and maybe one that does not."""
        calls: list[tuple[str, Any]] = []
        for number in range(self._rng.randint(1, 3)):
            signs = ("Jot", {"file": str(self.notes), "line": f"{name} {number}"})
            calls.append(self._rng.choice([signs, signs, ("Pick", {"of": number})]))
        return Calls(calls + [("Add", {"a": 1})] * self._rng.randint(0, 1))

    def _until_answered(self, method: str, path: str, body: Any) -> tuple[httpx.Response, bool]:
        """The first response of a web that can give one, and whether an earlier one may have been lost. All requests
        have one Idempotency-Key."""
        deadline, was_lost = time.monotonic() + patient(SECONDS), False
        key = str(uuid.uuid4())
        rng = random.Random(key)
        own = {"X-Session-Id": self.session_id, "X-API-Key": self._site.key, "Idempotency-Key": key}
        more = {"params": {"session_id": self.session_id}, "json": body, "headers": own, "timeout": 5} | PLAIN
        while time.monotonic() < deadline:
            try:
                with httpx.stream(method, f"{self._site.url(rng)}{path}", **more) as answer:
                    if answer.status_code not in (429, 502, 503):
                        if "event-stream" not in answer.headers["content-type"] or answer.status_code != TAKEN:
                            answer.read()
                        return answer, was_lost
                was_lost = was_lost or answer.status_code != 429
            except httpx.ConnectError:
                pass  # a web that is not there has taken nothing
            except httpx.TransportError:
                was_lost = True
            time.sleep(rng.uniform(0.02, 0.2))
        raise Broken(f"no answer to {method} {path} within {patient(SECONDS):g} s: {self.session_id}")


ENDS: dict[Callable[[Approval, list[Waiting], str], Sent | None], int] = {
    Approval.answer: 8,
    Approval.answer_and_message: 3,
    Approval.message: 2,
    Approval.stop: 2,
    Approval.leave: 1,
}
"""What ends a wait, and how often."""


def _went_on(answer: httpx.Response, sent: list[Sent]) -> str:
    """The turn that goes on; '' if none does: the run that is named is the one that asked."""
    if answer.status_code != TAKEN:
        return ""
    place = answer.headers.get("location")
    run_id = httpx.URL(place).params["run_id"] if place else answer.json()["run_id"]
    return "" if any(one.run_id == run_id for one in sent) else run_id


def _decision(rng: random.Random, call: Waiting, notes: str) -> dict[str, Any]:
    one: dict[str, Any] = {"call_id": call.call_id}
    if rng.random() < 0.3:
        return one | {"approve": False} | rng.choice([{}, {"message": "not now"}])
    if call.name == "Pick":
        return one | {"result": rng.choice(["red", {"color": [1, None]}, ""])}
    edited = {"args": {"file": notes, "line": f"{call.line} edited"}}
    return one | {"approve": True} | rng.choice([{}, edited])


def _words(rng: random.Random) -> Text:
    return Text([f"{rng.randint(0, 9999)} " for _ in range(rng.randint(1, 20))], pause=rng.choice([0, 0.005, 0.03]))
