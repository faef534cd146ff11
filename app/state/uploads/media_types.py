"""The media type of a file, by its bytes: images, PDF and UTF-8 text. A client's `Content-Type` is ignored."""

from __future__ import annotations

import codecs
import re

TEXT = "text/plain"
PDF = "application/pdf"
IMAGES = ("image/png", "image/jpeg", "image/webp", "image/gif")

EXTENSIONS = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "image/gif": "gif",
    PDF: "pdf",
    TEXT: "txt",
}
"""The types that are taken, each with the usual end of a file's name."""

_MAGIC = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"RIFF....WEBPVP8", re.DOTALL), "image/webp"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"%PDF-[12]\.\d"), PDF),
)
"""How a file of each type begins: https://mimesniff.spec.whatwg.org/#matching-an-image-type-pattern, ISO 32000."""

_BINARY = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
"""Characters that no text has, by https://mimesniff.spec.whatwg.org/#binary-data-byte."""


class UnknownType(ValueError):
    """The bytes are none of the types."""


class Detector:
    """Says the type of a file whose bytes come in pieces. The first piece has 16 bytes or more, or is the whole file.

    Raises `UnknownType` with the first piece that shows it.
    """

    def __init__(self) -> None:
        self.media_type = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def feed(self, piece: bytes) -> None:
        """The next piece."""
        if not self.media_type:
            self.media_type = _by_magic(piece)
        if self.media_type == TEXT:
            self._check_text(piece, final=False)

    def finish(self) -> str:
        """The type of the whole file."""
        if self.media_type == TEXT:
            self._check_text(b"", final=True)
        return self.media_type

    def _check_text(self, piece: bytes, *, final: bool) -> None:
        try:
            text = self._decoder.decode(piece, final)
        except UnicodeDecodeError:
            raise UnknownType from None
        if _BINARY.search(text):
            raise UnknownType


def media_type_of(data: bytes) -> str:
    """The type of a whole file. Raises `UnknownType`."""
    detector = Detector()
    detector.feed(data)
    return detector.finish()


def _by_magic(beginning: bytes) -> str:
    return next((media_type for pattern, media_type in _MAGIC if pattern.match(beginning)), TEXT)
