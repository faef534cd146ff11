"""Names of files as they are stored and shown: no path, no characters that change how a line or a header reads."""

from __future__ import annotations

import unicodedata

from app.state.uploads.media_types import EXTENSIONS

MAX_CHARACTERS = 128

_UNSAFE = frozenset('<>:"|?*;%')
"""Reserved by file systems, or by headers."""


def clean(name: str, media_type: str) -> str:
    """The name without its folders and unsafe characters; `file` where nothing is left. An end of the name such as
    `.png` is kept when a long name is cut, and added where there is none."""
    base = unicodedata.normalize("NFC", name.replace("\\", "/").rpartition("/")[2])
    shown = "".join(one for one in base if _is_safe(one))
    stem, dot, extension = shown.strip(" .").rpartition(".")
    if not dot or len(extension) > 8:
        stem, extension = shown.strip(" ."), EXTENSIONS[media_type]
    return f"{stem[: MAX_CHARACTERS - len(extension) - 1].strip() or 'file'}.{extension}"


def _is_safe(character: str) -> bool:
    """No control character, no mark of direction, no separator but the space."""
    return character == " " or (character not in _UNSAFE and unicodedata.category(character)[0] not in "CZ")
