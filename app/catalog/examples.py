"""The `examples` of an app: what to ask it, for the cards of a front end."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

MAX_EXAMPLES = 8
NOT_BLANK = r"\S"


class Example(BaseModel):
    """A message that a person may send as it is. `title` is a few words about it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str = Field(
        min_length=1, max_length=1000, pattern=NOT_BLANK, description="the message: up to 1,000 characters"
    )
    title: str = Field("", max_length=80, description="a few words about it: up to 80 characters")


def example_of(value: Any) -> Any:
    """An entry of `examples`: a text alone is one without a title."""
    return {"text": value} if isinstance(value, str) else value


Examples = Annotated[tuple[Annotated[Example, BeforeValidator(example_of)], ...], Field(max_length=MAX_EXAMPLES)]
