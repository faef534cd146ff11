"""Images that tools return: they become files of the session, which clients and models see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from app.state.uploads.media_types import IMAGES, UnknownType, media_type_of


@dataclass(frozen=True)
class Image:
    """Returned by a tool: the bytes of a PNG, JPEG, WebP or GIF. `media_type` is what the bytes are.

    The tool's result is `{"file_id", "filename", "media_type", "bytes"}`: a file of the session. A model that takes
    images sees it. Raises `ValueError` for other bytes.
    """

    data: bytes = field(repr=False)
    media_type: str = ""
    filename: str = ""

    def __post_init__(self) -> None:
        try:
            found = media_type_of(self.data)
        except UnknownType:
            found = ""
        if found not in IMAGES or self.media_type not in ("", found):
            raise ValueError(f"these bytes are no {self.media_type or 'PNG, JPEG, WebP or GIF'}")
        object.__setattr__(self, "media_type", found)


KeepImage = Callable[[Image], dict[str, Any]]
"""Stores an image; returns the tool's result. Raises `ToolError`."""


def with_image_kept(result: Any, keep: KeepImage | None) -> Any:
    """The result of a tool, or what stands for it if it is an image."""
    return keep(result) if isinstance(result, Image) and keep else result
