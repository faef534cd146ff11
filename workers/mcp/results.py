"""The result of an MCP tool as the result of a tool of ours.

| the server's result | for the model |
|---|---|
| texts | one text |
| structured content | the object |
| one image alone | a file of the session, which a model that takes images sees |
| anything else | `{"text", "structured", "files"}`, as far as there is some of each |
| `isError` | `{"error": text}` |
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from mcp_types import (
    AudioContent,
    BlobResourceContents,
    CallToolResult,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
    TextResourceContents,
)

from workers.tools import Image, ToolError
from workers.tools.image import KeepImage


def plain(result: CallToolResult, keep: KeepImage | None) -> Any:
    """The result for the model. Raises `ToolError`: the tool failed."""
    texts: list[str] = []
    files: list[dict[str, Any]] = []
    for block in result.content:
        found = _image(block) if not result.is_error else None
        if found and keep:
            files.append(keep(found))
        else:
            texts.append(_text(block))
    text = "\n\n".join(filter(None, texts))
    if result.is_error:
        raise ToolError(text or "The tool failed, and its server does not say why")
    return _joined(text, result.structured_content, files)


def _joined(text: str, structured: Any, files: list[dict[str, Any]]) -> Any:
    if structured is not None and _says_the_same(text, structured):
        text = ""
    parts: dict[str, Any] = {"text": text} if text else {}
    if structured is not None:
        parts["structured"] = structured
    if files:
        parts["files"] = files
    if len(parts) != 1:
        return parts or ""
    return files[0] if len(files) == 1 else parts if files else next(iter(parts.values()))


def _says_the_same(text: str, structured: Any) -> bool:
    """Servers repeat structured content as text, for clients that know no other."""
    try:
        said = json.loads(text)
    except ValueError:
        said = text
    return said == structured or {"result": said} == structured


def _image(block: Any) -> Image | None:
    """The image in a block; None if there is none, or one of a type that is not taken."""
    if isinstance(block, ImageContent):
        data = block.data
    elif isinstance(block, EmbeddedResource) and isinstance(block.resource, BlobResourceContents):
        data = block.resource.blob
    else:
        return None
    try:
        image = Image(base64.b64decode(data, validate=True))
    except (ValueError, binascii.Error):
        return None
    return Image(image.data, filename=f"image.{image.media_type.rpartition('/')[2]}")


def _text(block: Any) -> str:
    """The text that the model reads of a block."""
    if isinstance(block, TextContent):
        return block.text
    if isinstance(block, EmbeddedResource):
        resource = block.resource
        if isinstance(resource, TextResourceContents):
            return f"{resource.uri}:\n{resource.text}"
        return f"[{resource.uri}: {resource.mime_type or 'bytes'}, which cannot be shown]"
    if isinstance(block, ResourceLink):
        about = f": {block.description}" if block.description else ""
        return f"[{block.title or block.name}{about}]({block.uri})"
    if isinstance(block, ImageContent | AudioContent):
        return f"[{block.mime_type}, which cannot be shown]"
    return f"[content of the type {getattr(block, 'type', '?')!r}, which cannot be shown]"
