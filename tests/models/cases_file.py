"""The cases as data: what a provider answers and what a client must see then. cases/README.md has the format."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "cases"
Event = Mapping[str, Any]
Events = tuple[Event, ...]

WIRES = {
    "openai": "openai",
    "responses": "responses",
    "openrouter": "openai",
    "openai-alternating": "openai",
    "vllm-alternating": "openai",
    "deepseek": "openai",
    "deepseek-reasoner": "openai",
    "mistral": "openai",
    "groq": "openai",
    "azure": "azure",
    "anthropic": "anthropic",
    "anthropic-thinking": "anthropic",
    "gemini": "gemini",
    "gemini-3": "gemini",
    "ollama": "ollama",
}
"""The file of the answers that a provider gives."""

FORMS = {**{wire: wire for wire in WIRES.values()}, "azure": "openai"}
"""The form of the frames of each wire: a provider can give the answers of its form's other files, too."""


@dataclass(frozen=True)
class Answer:
    """What a provider sends to one request: the frames of a stream, or a status with a JSON body; `gzip` compresses it,
    though nobody asks for that."""

    frames: tuple[Any, ...] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    gzip: bool = False


@dataclass(frozen=True)
class Turn:
    """A later turn of a case: `answer` names what its provider sends, as `wire/key`."""

    provider: str
    answer: str
    events: Events


@dataclass(frozen=True)
class Case:
    """One case. `possible` are the event streams that are right for its first turn."""

    name: str
    about: str
    provider: str
    answer: Answer
    possible: tuple[Events, ...]
    expect: Mapping[str, Any]
    then: tuple[Turn, ...] = ()
    after_results: tuple[Answer, ...] = ()
    first_request_only: bool = False
    prompt_holds: str = ""

    @property
    def wire(self) -> str:
        return WIRES[self.provider]

    @property
    def form(self) -> str:
        return FORMS[self.wire]

    @property
    def is_silent(self) -> bool:
        """Whether the provider stops sending, and the connection stays open."""
        frames = (frame for answer in (self.answer, *self.after_results) for frame in answer.frames)
        return any(isinstance(frame, dict) and "hang" in frame for frame in frames)


PLAIN: Events = ({"type": "text", "content": "Hello there"}, {"type": "complete"})
"""The events of the answer `plain`, the same on every wire."""


@cache
def cases() -> dict[str, Case]:
    """All cases by name, which is `file/key`."""
    return {
        f"{path.stem}/{key}": _case(f"{path.stem}/{key}", raw)
        for path in sorted(FOLDER.glob("*.json"))
        for key, raw in json.loads(path.read_text()).items()
        if key != "_answers"
    }


@cache
def answers(file: str) -> dict[str, Answer]:
    """The answers that every case of a file may name; a file without them takes those of openai.json."""
    found = json.loads((FOLDER / f"{file}.json").read_text()).get("_answers")
    if found is None:
        return answers("openai")
    return {key: Answer(frames=tuple(frames)) for key, frames in found.items()}


def named(name: str) -> Answer:
    """The answer `file/key`: one of the file's answers, or that of a case."""
    file, key = name.split("/")
    return answers(file).get(key) or cases()[name].answer


def _case(name: str, raw: dict[str, Any]) -> Case:
    expect = raw["expect"]
    return Case(
        name=name,
        about=raw["about"],
        provider=raw["provider"],
        answer=_answer(raw),
        possible=tuple(tuple(events) for events in expect.get("any_of") or [expect["events"]]),
        expect=expect,
        then=_then(raw),
        after_results=tuple(_answer(one) for one in raw.get("after_results", ())),
        first_request_only=raw.get("first_request_only", False),
        prompt_holds=raw.get("prompt_holds", ""),
    )


def _answer(raw: dict[str, Any]) -> Answer:
    more = {"headers": raw.get("headers", {}), "gzip": raw.get("gzip", False)}
    if "frames" in raw:
        return Answer(frames=tuple(raw["frames"]), **more)
    return Answer(status=raw["status"], body=raw["body"], **more)


def _then(raw: dict[str, Any]) -> tuple[Turn, ...]:
    """The turns after the first: those that the case names, else a plain one where that must be valid."""
    if "then" in raw:
        return tuple(
            Turn(turn["provider"], f"{WIRES[turn['provider']]}/{turn.get('answer', 'plain')}", tuple(turn["events"]))
            for turn in raw["then"]
        )
    if raw["expect"].get("next_turn_valid"):
        return (Turn(raw["provider"], f"{WIRES[raw['provider']]}/plain", PLAIN),)
    return ()
