"""A call that cannot end before a person has answered a question."""

from __future__ import annotations

from app.state.open_calls.records import Question


class CallWaits(BaseException):
    """The turn ends, and makes the call again with the answer. Not an `Exception`, so that no tool swallows it."""

    def __init__(self, question: Question) -> None:
        super().__init__("a call waits for a person")
        self.question = question
