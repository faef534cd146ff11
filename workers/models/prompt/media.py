"""The size of images and documents in a prompt. litellm's counter would download an image to see how large it is."""

from __future__ import annotations

from typing import Any

IMAGE_TOKENS = 1600
"""Of an image: Anthropic's most, and about OpenAI's and Gemini's for a large one."""

BASE64_BYTES_PER_TOKEN = 40
"""Of a document: a page costs 1,500 to 3,000 tokens with Anthropic, and has 50 to 100 KB."""

Messages = list[dict[str, Any]]


def without_media(messages: Messages) -> tuple[Messages, int]:
    """The messages with only the text of their contents, and about how many tokens the rest has."""
    if all(isinstance(message.get("content"), str | None) for message in messages):
        return messages, 0
    texts, tokens = [], 0
    for message in messages:
        content = message.get("content")
        if isinstance(content, list):
            tokens += sum(map(_tokens, content))
            message = message | {"content": "\n\n".join(part["text"] for part in content if part["type"] == "text")}
        texts.append(message)
    return texts, tokens


def _tokens(part: dict[str, Any]) -> int:
    if part["type"] == "file":
        return len(part["file"]["file_data"]) // BASE64_BYTES_PER_TOKEN
    return IMAGE_TOKENS if part["type"] == "image_url" else 0
