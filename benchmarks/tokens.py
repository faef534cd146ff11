"""The tokens that every model here says: readers count its mark in the bytes, however tokens were joined on the way."""

from __future__ import annotations

TOKENS = (" one~", " two~", " six~", " ten~")
"""As long as a token of English text, and said in turn: litellm takes a model that repeats itself for broken."""

MARK = b"~"
"""Stands once in a token and nowhere else on the wire."""
