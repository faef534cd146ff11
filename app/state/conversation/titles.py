"""Titles of threads and sessions out of their first message."""

from __future__ import annotations


def first_words(text: str, limit: int = 60) -> str:
    """The first words of a message, at most `limit` characters and `…` if something is left out."""
    words = " ".join(text.split())
    if len(words) <= limit:
        return words
    return words[: limit + 1].rsplit(" ", 1)[0][:limit].rstrip(",.;: ") + "…"
