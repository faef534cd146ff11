"""Ids of tool calls within a provider's rules: the same each time, so that the provider's cache holds."""

from __future__ import annotations

import hashlib
import re
import string

_ANY = re.compile(r"[A-Za-z0-9_-]{1,40}")
"""Ids that both OpenAI (40 characters) and Anthropic (these letters) accept."""

_NINE = re.compile(r"[A-Za-z0-9]{9}")
_LETTERS = string.ascii_letters + string.digits


class CallIds:
    """Gives each call of a conversation its id; an id that is used already is replaced."""

    def __init__(self, nine_letters: bool) -> None:
        self._form = _NINE if nine_letters else _ANY
        self._length = 9 if nine_letters else 24
        self._seen: set[str] = set()

    def legal(self, call_id: str) -> str:
        """The id to send for the next call that was stored under `call_id`."""
        found, attempt = call_id, 0
        while found in self._seen or not self._form.fullmatch(found):
            found, attempt = self._made_of(f"{call_id} {attempt}"), attempt + 1
        self._seen.add(found)
        return found

    def _made_of(self, text: str) -> str:
        number = int.from_bytes(hashlib.sha256(text.encode("utf-8", "replace")).digest(), "big")
        letters = []
        for _ in range(self._length):
            number, place = divmod(number, len(_LETTERS))
            letters.append(_LETTERS[place])
        return "".join(letters)
