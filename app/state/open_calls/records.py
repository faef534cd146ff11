"""A call that waits for a person, its answer, and the turn that goes on with it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from app import exact_json
from app.events.types import CallKind
from app.state import redis_keys
from app.state.open_calls import results

_OPEN, _GOES_ON = "open_calls", "goes_on"


@dataclass(frozen=True)
class Question:
    """A question of an MCP server during a call: `message`, with the flat `schema` of the answer, or the `url` of a
    page that the person should visit. The call is repeated with its `args` and the answer; `resume` is what only the
    room of MCP reads."""

    message: str
    schema: dict[str, Any] | None = None
    url: str = ""
    resume: Mapping[str, Any] = field(default_factory=dict)
    args: Mapping[str, Any] = field(default_factory=dict)

    @property
    def form(self) -> dict[str, Any]:
        """The schema of its answer: a page that was visited has no content."""
        return self.schema or {"type": "object", "properties": {}, "required": []}

    def shown(self) -> dict[str, Any]:
        """The fields that clients get."""
        return {"message": self.message} | ({"url": self.url} if self.url else {"schema": self.form})

    def stored(self) -> str:
        """As JSON: a script must not decode what is in it."""
        return exact_json.dumps(self.shown() | {"resume": self.resume, "args": self.args})

    @classmethod
    def read(cls, stored: str) -> Question:
        """Out of that JSON."""
        return cls(**exact_json.loads(stored))


@dataclass(frozen=True)
class Replied:
    """A person's answer to a question: `content` fits its schema, and is empty if the person declined."""

    question: Question
    is_accepted: bool
    content: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """A call of a turn that ends with it: its result comes from a person. `kind` says what is asked; an `elicitation`
    has a `question`."""

    call_id: str
    name: str
    kind: CallKind
    question: Question | None = None

    def stored(self) -> dict[str, str]:
        """As an entry of a list in the turn's hash."""
        fields = {"call_id": self.call_id, "name": self.name, "kind": self.kind}
        return fields | ({"question": self.question.stored()} if self.question else {})

    @classmethod
    def read(cls, entry: Mapping[str, Any]) -> Asked:
        """Out of such an entry."""
        question = Question.read(entry["question"]) if "question" in entry else None
        return cls(entry["call_id"], entry["name"], entry["kind"], question)


@dataclass(frozen=True)
class CallAnswer:
    """A person's answer to one call. To approve one runs its tool, with `args` if they are given; else `result` is the
    result that the model reads: that of a client's tool, or that of a no (`is_no`). The `args` of an answered question
    are the content of the answer."""

    call_id: str
    approve: bool = False
    args: dict[str, Any] | None = None
    result: Any = None
    is_no: bool = False

    @classmethod
    def no(cls, call_id: str, message: str = "") -> CallAnswer:
        """The answer that declines a call, with what the person says to it."""
        return cls(call_id, result=results.declined(message), is_no=True)

    def stored(self, run_id: str) -> str:
        """Its field in the turn's hash. Values that a script must not decode are JSON text inside it."""
        fields: dict[str, Any] = {"by": run_id}
        if not self.approve:
            fields["result"] = exact_json.dumps(self.result)
        elif self.args is not None:
            fields["args"] = exact_json.dumps(self.args)
        return exact_json.dumps(fields)

    @classmethod
    def read(cls, call_id: str, stored: str) -> CallAnswer:
        """Out of its field in the turn's hash."""
        fields = exact_json.loads(stored)
        if "result" in fields:
            return cls(call_id, result=exact_json.loads(fields["result"]))
        return cls(call_id, approve=True, args=exact_json.loads(fields.get("args", "null")))


@dataclass(frozen=True)
class OpenCalls:
    """The calls of one message that wait, or waited, for their answers. `answers` are those so far, by call."""

    message_id: str
    calls: tuple[Asked, ...]
    expires_at: str
    answers: Mapping[str, CallAnswer] = field(default_factory=dict)

    @property
    def unanswered(self) -> tuple[Asked, ...]:
        """The calls that have no answer."""
        return tuple(call for call in self.calls if call.call_id not in self.answers)

    def with_each_result(self, change: Callable[[Any], Any]) -> OpenCalls:
        """With the results of the answers changed."""
        answers = {call_id: replace(answer, result=change(answer.result)) for call_id, answer in self.answers.items()}
        return replace(self, answers=answers)

    def has_any(self, call_ids: Collection[str]) -> bool:
        """Whether one of these is among the calls."""
        return any(call.call_id in call_ids for call in self.calls)

    @classmethod
    def waiting_in(cls, run: Mapping[str, str]) -> OpenCalls | None:
        """Out of the hash of the turn that asks."""
        return cls._read(run, _OPEN)

    @classmethod
    def answered_in(cls, run: Mapping[str, str]) -> OpenCalls | None:
        """Out of the hash of the turn that goes on."""
        return cls._read(run, _GOES_ON)

    @classmethod
    def _read(cls, run: Mapping[str, str], name: str) -> OpenCalls | None:
        if name not in run:
            return None
        stored = exact_json.loads(run[name])
        calls = tuple(map(Asked.read, stored["calls"]))
        found = {call.call_id: run.get(redis_keys.answer_field(call.call_id)) for call in calls}
        answers = {call_id: CallAnswer.read(call_id, text) for call_id, text in found.items() if text}
        return cls(stored["message"], calls, stored["expires_at"], answers)


@dataclass(frozen=True)
class AwaitingTurn:
    """The turn of a thread whose calls wait. `app` and `model` are its own. `is_ambiguous`: another thread has, or had,
    calls with the ids by which it was found."""

    session_id: str
    run_id: str
    thread_id: str
    app: str
    model: str
    open_calls: OpenCalls
    is_ambiguous: bool = False

    @classmethod
    def read(cls, session_id: str, run: Mapping[str, str]) -> AwaitingTurn | None:
        """Out of the hash of the turn; None if no call of it waits."""
        open_calls = OpenCalls.waiting_in(run)
        if open_calls is None:
            return None
        names = (run["id"], run["thread"], run["app"], run["model"])
        return cls(session_id, *names, open_calls, is_ambiguous="several" in run)


def stored_asks(asked: Sequence[Asked]) -> str:
    """The calls that a turn ends with, for its hash."""
    return exact_json.dumps([call.stored() for call in asked]) if asked else ""


def read_asks(stored: str) -> tuple[Asked, ...]:
    """Out of the turn's hash."""
    return tuple(map(Asked.read, exact_json.loads(stored or "[]")))


def stored_open_calls(message_id: str, expires_at: str, calls: Sequence[Asked], declined: Mapping[str, str]) -> str:
    """The open calls for the hash of their turn. `declined` has the update of each call that a new message
    declines."""
    fields = [call.stored() | {"declined": declined[call.call_id]} for call in calls]
    passed_over = exact_json.dumps(results.PASSED_OVER)
    return exact_json.dumps({"message": message_id, "expires_at": expires_at, "declined": passed_over, "calls": fields})
