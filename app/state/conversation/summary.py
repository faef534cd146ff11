"""The summary of what a thread begins with, as models read it instead. Clients get the messages themselves."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from app import exact_json


@dataclass(frozen=True)
class Summary:
    """The `text` stands for all messages up to `message_id`, that one included. A history without that message is one
    of another branch, for which the summary does not hold. `model` wrote it."""

    text: str
    message_id: str
    model: str
    created_at: str

    def stored(self) -> str:
        """As JSON."""
        return exact_json.dumps(asdict(self))

    @classmethod
    def read(cls, stored: str) -> Summary | None:
        """Out of JSON; None of ''."""
        return cls(**exact_json.loads(stored)) if stored else None
