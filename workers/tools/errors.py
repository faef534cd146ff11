"""The error that tools raise."""

from __future__ import annotations


class ToolError(Exception):
    """Raised by a tool that failed for a reason the model should know. The message goes to the model."""
