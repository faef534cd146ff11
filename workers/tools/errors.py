"""The error that tools raise."""

from __future__ import annotations


class ToolError(Exception):
    """Raised by a tool that failed for a reason the model should know. The message goes to the model."""


class CallLost(ToolError):
    """The worker of a call that may not be made twice was stopped."""

    def __init__(self) -> None:
        super().__init__("The worker of this call was stopped: the call is not made again, and its result is lost")
