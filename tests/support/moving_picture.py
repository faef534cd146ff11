"""A moving picture of a page as it is used: an animated WebP, made of stills that Chromium encodes."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from struct import pack, unpack_from

from playwright.sync_api import Page

from tests.support.patience import until

QUALITY = 60
"""Of the stills, as Chromium counts it: 0 to 100."""

IMAGE_CHUNKS = (b"ALPH", b"VP8 ", b"VP8L")
"""The chunks of a still WebP that a frame of a moving one repeats."""

ANIMATED, UNBLENDED = 0x02, 0x02
"""Flags of the container, and of a frame that replaces what was there."""


class Camera:
    """Films a page. A frame that shows nothing new makes the one before it last longer."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._devtools = page.context.new_cdp_session(page)
        self._frames: list[tuple[bytes, int]] = []

    def shoot(self, milliseconds: int) -> None:
        """Add what the page shows now, for so long. (The picture's time, not that which the machine needs.)"""
        options = {"format": "webp", "quality": QUALITY}
        still = base64.b64decode(self._devtools.send("Page.captureScreenshot", options)["data"])
        if self._frames and self._frames[-1][0] == still:
            milliseconds += self._frames.pop()[1]
        self._frames.append((still, milliseconds))

    def film(self, is_over: Callable[[], bool], milliseconds: int) -> None:
        """Add frames until something is so, not more of them than the picture has in that time."""

        def shot_last() -> bool:
            over = is_over()
            self.shoot(milliseconds)
            self._page.wait_for_timeout(milliseconds)
            return over

        until(shot_last, 60, "the end of the scene")

    def type(self, text: str, milliseconds: int) -> None:
        """Write into the field that has the focus, a frame for every other character."""
        for start in range(0, len(text), 2):
            self._page.keyboard.type(text[start : start + 2])
            self.shoot(milliseconds)

    def developed(self) -> bytes:
        """The file: https://developers.google.com/speed/webp/docs/riff_container."""
        size = self._page.viewport_size
        assert size is not None
        extent = _uint24(size["width"] - 1) + _uint24(size["height"] - 1)
        parts = [_chunk(b"VP8X", bytes([ANIMATED, 0, 0, 0]) + extent), _chunk(b"ANIM", bytes(4) + pack("<H", 0))]
        for still, milliseconds in self._frames:
            head = bytes(6) + extent + _uint24(milliseconds) + bytes([UNBLENDED])
            images = (_chunk(name, content) for name, content in _chunks(still) if name in IMAGE_CHUNKS)
            parts.append(_chunk(b"ANMF", head + b"".join(images)))
        return _chunk(b"RIFF", b"WEBP" + b"".join(parts))


def _chunks(webp: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = len(b"RIFF....WEBP")
    while place < len(webp):
        name, size = webp[place : place + 4], unpack_from("<I", webp, place + 4)[0]
        yield name, webp[place + 8 : place + 8 + size]
        place += 8 + size + size % 2


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + pack("<I", len(content)) + content + bytes(len(content) % 2)


def _uint24(value: int) -> bytes:
    return pack("<I", value)[:3]
