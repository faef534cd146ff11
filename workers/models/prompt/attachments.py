"""Attachments and images of tools as parts of a prompt: what the model takes is shown to it, the rest is a note."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.state.model_abilities import IMAGE, IMAGE_URL, INPUT_OF_TYPE
from app.state.uploads.media_types import TEXT

Part = dict[str, Any]

TEXT_CHARACTERS = 200_000
"""Of a text file; what lies behind is left out."""

REFERENCE_FIELDS = frozenset({"file_id", "filename", "media_type", "bytes"})


def _none_kept(_: str) -> bytes | None:
    return None


@dataclass(frozen=True)
class AttachmentWriter:
    """Writes parts for a model that takes `inputs`. `read` gives the bytes of a file, None if it is gone or too far
    back."""

    inputs: frozenset[str] = frozenset()
    read: Callable[[str], bytes | None] = field(default=_none_kept)

    def parts(self, attachments: Sequence[Mapping[str, Any]]) -> list[Part]:
        """The parts of some attachments."""
        return [self._linked(one["url"]) if "url" in one else self._file(one) for one in attachments]

    def images_of(self, results: Sequence[Mapping[str, Any]]) -> list[Part]:
        """The images among the results of tools, each behind a line that names its call. Nothing for a model that takes
        no images: the result itself names the file."""
        parts: list[Part] = []
        for result in results:
            for found in references(result["result"]):
                if IMAGE in self.inputs and INPUT_OF_TYPE.get(found["media_type"]) == IMAGE:
                    about = f"The image {found['filename']!r} of the tool {result['name']}:"
                    parts += [_text(about), self._file(found)]
        return parts

    def _linked(self, url: str) -> Part:
        if IMAGE_URL in self.inputs:
            return {"type": "image_url", "image_url": {"url": url}}
        return _text("[An image was attached by its address, which this model cannot read.]")

    def _file(self, file: Mapping[str, Any]) -> Part:
        media_type, said = file["media_type"], f"{file['filename']!r} ({file['media_type']}, {file['bytes']:,} bytes)"
        if media_type != TEXT and INPUT_OF_TYPE.get(media_type) not in self.inputs:
            return _text(f"[The file {said} was attached. This model cannot read such files.]")
        data = self.read(file["file_id"])
        if data is None:
            return _text(f"[The file {said} was attached. It is no longer available.]")
        if media_type == TEXT:
            return _text(f"The file {file['filename']!r}:\n\n{_shortened(data.decode())}")
        return _media(file["filename"], media_type, data)


def references(result: Any) -> list[dict[str, Any]]:
    """The files of the session that are a tool's result, or in its `files`."""
    files = result.get("files") if isinstance(result, dict) else None
    return [one for one in (result, *(files if isinstance(files, list) else ())) if _is_reference(one)]


def _is_reference(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == REFERENCE_FIELDS


def joined(text: str, parts: Sequence[Part]) -> str | list[Part]:
    """The content of a message: text alone where all parts are, since some servers take nothing else."""
    if all(part["type"] == "text" for part in parts):
        return "\n\n".join([text, *(part["text"] for part in parts)])
    return [_text(text), *parts]


def more_content(content: str | list[Part], added: str | list[Part]) -> str | list[Part]:
    """Two contents of one message."""
    if isinstance(content, str) and isinstance(added, str):
        return f"{content}\n\n{added}"
    return [*_as_parts(content), *_as_parts(added)]


def _as_parts(content: str | list[Part]) -> list[Part]:
    return [_text(content)] if isinstance(content, str) else content


def _text(text: str) -> Part:
    return {"type": "text", "text": text}


def _media(filename: str, media_type: str, data: bytes) -> Part:
    url = f"data:{media_type};base64,{base64.b64encode(data).decode()}"
    if INPUT_OF_TYPE[media_type] == IMAGE:
        return {"type": "image_url", "image_url": {"url": url}}
    return {"type": "file", "file": {"filename": filename, "file_data": url}}


def _shortened(text: str) -> str:
    if len(text) <= TEXT_CHARACTERS:
        return text
    return (
        f"{text[:TEXT_CHARACTERS]}\n\n[The rest of the file, {len(text) - TEXT_CHARACTERS:,} characters, is left out.]"
    )
