"""The contents of a client's messages: texts, images and files, in the forms of Responses and of chat completions."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.errors import BadRequest

_TEXTS = {"input_text": "text", "output_text": "text", "text": "text", "refusal": "refusal"}
"""The field of the text in each kind of part."""

_DATA_URL = "data:"
_BASE64 = ";base64,"


@dataclass(frozen=True)
class InlineFile:
    """A file whose bytes are in the message."""

    filename: str
    data: bytes


@dataclass(frozen=True)
class Contents:
    """The parts of a message: its texts as one, references to files and addresses of images in the form of /api/chat,
    and files that are still to be stored."""

    text: str
    attachments: tuple[Mapping[str, str], ...] = ()
    files: tuple[InlineFile, ...] = ()

    def __add__(self, other: Contents) -> Contents:
        """Both as one message."""
        text = "\n\n".join(filter(None, (self.text, other.text)))
        return Contents(text, self.attachments + other.attachments, self.files + other.files)


def contents_of(content: Any, name: str) -> Contents:
    """A message's `content`: a text, or a list of parts. Raises `BadRequest`, which names the field `name`."""
    if isinstance(content, str):
        return Contents(content)
    if not isinstance(content, Sequence):
        raise BadRequest(f"{name!r} must hold messages whose content is a text, or a list of parts")
    found = Contents("")
    for part in content:
        found += _part(part, name)
    return found


def _part(part: Any, name: str) -> Contents:
    kind = str(part.get("type")) if isinstance(part, dict) else ""
    if kind in _TEXTS:
        return Contents(_string(part, _TEXTS[kind], name))
    if kind == "input_image":
        return _image(part.get("image_url"), part.get("file_id"), name)
    if kind == "image_url" and isinstance(part.get("image_url"), dict):
        return _image(part["image_url"].get("url"), None, name)
    if kind == "input_file":
        return _file(part, name)
    if kind == "file" and isinstance(part.get("file"), dict):
        return _file(part["file"], name)
    raise BadRequest(f"{name!r} has a part that is not taken here; it may have texts, images and files")


def _image(url: Any, file_id: Any, name: str) -> Contents:
    if isinstance(file_id, str):
        return Contents("", ({"file_id": file_id},))
    if not isinstance(url, str):
        raise BadRequest(f"{name!r} has an image without its 'image_url', a data URL or an https address")
    if url.startswith(_DATA_URL):
        return Contents("", files=(InlineFile("image", _bytes(url, name)),))
    return Contents("", ({"url": url},))


def _file(part: Mapping[str, Any], name: str) -> Contents:
    if isinstance(part.get("file_id"), str):
        return Contents("", ({"file_id": part["file_id"]},))
    if not isinstance(part.get("file_data"), str):
        raise BadRequest(f"{name!r} has a file without its data; send 'file_data', a data URL with base64")
    filename = part.get("filename")
    shown = filename if isinstance(filename, str) else "file"
    return Contents("", files=(InlineFile(shown, _bytes(part["file_data"], name)),))


def _bytes(data: str, name: str) -> bytes:
    """Of a data URL, or of bare base64."""
    encoded = data.rpartition(_BASE64)[2] if data.startswith(_DATA_URL) else data
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise BadRequest(f"{name!r} has a file that is not valid base64") from None


def _string(part: Mapping[str, Any], field: str, name: str) -> str:
    value = part.get(field)
    if not isinstance(value, str):
        raise BadRequest(f"{name!r} has a part of a text without its text")
    return value
