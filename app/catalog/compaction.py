"""The `compact` of an app: long conversations are summed up."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Compaction(BaseModel):
    """When an app's long conversations are summed up, and by which model. `compact: true` has the defaults."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at: float = Field(
        0.8,
        strict=True,
        ge=0.1,
        le=1,
        description="the part of the model's room that a prompt takes when the job begins",
    )
    model: str | None = Field(
        None, description="the model that sums up; without it the `title_model`, or else the model of the turn"
    )
    keep_turns: int = Field(6, strict=True, ge=1, le=1000, description="the last turns, which stay as they are")


def compaction_of(value: Any) -> Any:
    """The value of `compact`: `true` is a mapping without keys, `false` is none."""
    if isinstance(value, bool):
        return {} if value else None
    if value is not None and not isinstance(value, dict | Compaction):
        raise ValueError("must be true, false, or a mapping such as {at: 0.8, keep_turns: 6}")
    return value
