"""What the scripted providers have seen, request by request, and what each conversation was served."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from tests.models.rules.request import Served

DIRECTIVE = re.compile(r"answer ([\w-]+/\w+) \((\w+)\.(\d+)\)")


@dataclass(frozen=True)
class Directive:
    """What a user's text asks of the provider: `answer`, as turn `turn` of a conversation."""

    answer: str
    conversation: str
    turn: int

    @classmethod
    def read(cls, text: str) -> Directive | None:
        """The last one in a text: a server that wants its roles in turn gets several messages as one."""
        found = DIRECTIVE.findall(text)
        return cls(found[-1][0], found[-1][1], int(found[-1][2])) if found else None

    def __str__(self) -> str:
        return f"Please answer {self.answer} ({self.conversation}.{self.turn})"


@dataclass
class Entry:
    """One request. `refused` and `faults` say what was wrong with it; times are those of `time.monotonic`."""

    provider: str
    directive: Directive
    body: dict[str, Any]
    headers: dict[str, str]
    at: float = field(default_factory=time.monotonic)
    refused: str = ""
    faults: list[str] = field(default_factory=list)
    status: int = 0
    tokens: int | None = None
    last_word: float = 0.0
    hung_up: threading.Event = field(default_factory=threading.Event)
    silent: threading.Event = field(default_factory=threading.Event)
    """Set once the answer has come to where it hangs."""


class Journal:
    """All requests, and by conversation and provider the replies that hold calls."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: list[Entry] = []
        self._served: dict[tuple[str, str], list[Served]] = {}
        self.strangers: list[str] = []
        """Addresses that were asked and are none of a provider's."""

    def add(self, entry: Entry) -> int:
        """Note a request; returns how many came before it in its turn."""
        with self._lock:
            before = sum(one.directive == entry.directive for one in self._entries)
            self._entries.append(entry)
        return before

    def entries(self, conversation: str, turn: int | None = None) -> list[Entry]:
        """The requests of a conversation, or of one turn of it."""
        with self._lock:
            found = [entry for entry in self._entries if entry.directive.conversation == conversation]
        return [entry for entry in found if turn in (None, entry.directive.turn)]

    def serve(self, provider: str, conversation: str, reply: Served) -> None:
        with self._lock:
            self._served.setdefault((provider, conversation), []).append(reply)

    def served(self, provider: str, conversation: str) -> list[Served]:
        """What the provider has served in the conversation so far."""
        with self._lock:
            return list(self._served.get((provider, conversation), ()))
