"""Files and attachments in requests and responses."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict

from app.events.types import exact_schema

_FILE = "file_0a1b2c3d4e5f60718293a4b5c6d7e8f9"


@exact_schema(file_id=_FILE, filename="chart.png", media_type="image/png", bytes=48211)
class File(TypedDict):
    """A file of the session; `media_type` is what its bytes are."""

    file_id: str
    filename: str
    media_type: str
    bytes: int


@exact_schema(file_id=_FILE)
class AttachedFile(TypedDict):
    """A file of the session."""

    file_id: str


@exact_schema(url="https://example.com/chart.png")
class LinkedImage(TypedDict):
    """An image by its address, which the model's provider reads."""

    url: str


@exact_schema(file_id=_FILE, deleted=True)
class DeletedFile(TypedDict):
    """The file is deleted."""

    file_id: str
    deleted: Literal[True]
