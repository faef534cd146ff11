"""Bytes of a provider's answer to its JSON values: an event stream, JSON on lines, or one JSON document."""

from __future__ import annotations

import codecs
import contextlib
import json
from typing import Any, NamedTuple

import orjson

MOST_HELD = 8 * 1024 * 1024
"""Bytes of a line, or of a JSON value, that does not come to an end."""


class Frame(NamedTuple):
    """One value of the stream, None for `[DONE]`, with the name of its event ('' if it has none) and its JSON as it
    came, if that is one line."""

    value: Any
    event: str = ""
    data: bytes = b""


DONE = Frame(None, data=b"[DONE]")


_DATA = b"data:"


class FrameReader:
    """Splits bytes into frames. Lines without JSON are skipped: comments, blank lines, the names of other fields."""

    def __init__(self) -> None:
        self._rest = b""
        self._held = b""
        self._event = ""
        self._is_begin = True
        self.is_event_stream = False

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that end in these bytes."""
        data = self._rest + data
        if self._is_begin:
            self._is_begin = codecs.BOM_UTF8.startswith(data)
            data = data.removeprefix(codecs.BOM_UTF8)
        *lines, rest = _line_feeds(data).split(b"\n")
        self._rest = rest if len(rest) < MOST_HELD else b""
        frames = []
        for line in lines:
            if line.startswith(_DATA) and not self._held:  # nearly every line: the short way
                self.is_event_stream = True
                try:
                    frames.append(Frame(orjson.loads(line[5:]), self._event, line[5:]))
                    continue
                except orjson.JSONDecodeError:
                    pass
            if (frame := self._read(line)) is not None:
                frames.append(frame)
        return frames

    def end(self) -> list[Frame]:
        """The last frame, without a line end."""
        line, self._rest = self._rest.rstrip(b"\r"), b""
        frame = self._read(line)
        return [] if frame is None else [frame]

    def _read(self, line: bytes) -> Frame | None:
        if not line:
            if self.is_event_stream:  # the end of an event; in one document it means nothing
                self._event, self._held = "", b""
            return None
        if line.startswith(_DATA):
            self.is_event_stream = True
            return self._value(line[5:])
        if self.is_event_stream or line.startswith((b"event:", b":", b"id:", b"retry:")):
            self._field(line)
            return None
        return self._value(line)

    def _field(self, line: bytes) -> None:
        self.is_event_stream = True
        name, _, value = line.partition(b":")
        if name == b"event":
            self._event = value.strip().decode("utf-8", "replace")
        elif not line.strip():
            self._event, self._held = "", b""

    def _value(self, data: bytes) -> Frame | None:
        """The JSON of `data`, together with what was held of the lines before."""
        text = data.strip()
        if text == b"[DONE]":
            return DONE
        if not text:
            return None
        found = _loads(text)
        if found is not None:
            self._held = b""
            return Frame(found, self._event, text)
        return self._over_lines(text)

    def _over_lines(self, text: bytes) -> Frame | None:
        """A value of several lines is held until it is complete. An error may be plain text."""
        if not (self._held or text.startswith((b"{", b"["))):
            return Frame(text.decode("utf-8", "replace"), self._event) if self._event == "error" else None
        held = self._held + b"\n" + text
        found = _loads(held) if self._held else None
        self._held = held if found is None and len(held) < MOST_HELD else b""
        return None if found is None else Frame(found, self._event)


def _line_feeds(data: bytes) -> bytes:
    """Lines end with CR LF, LF or CR (https://html.spec.whatwg.org/multipage/server-sent-events.html). A CR at the end
    of a read stays: its LF may be yet to come."""
    if b"\r" not in data:
        return data
    body, last = (data[:-1], b"\r") if data.endswith(b"\r") else (data, b"")
    return body.replace(b"\r\n", b"\n").replace(b"\r", b"\n") + last


def _loads(data: bytes) -> Any:
    """The value, None where it is no JSON. orjson refuses halves of characters, which some providers send."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(data)
        return None


def encoded(value: Any) -> bytes:
    """A value as JSON on one line. (ASCII: halves of characters stay what they are.)"""
    return json.dumps(value).encode()


def framed(data: bytes, is_event_stream: bool) -> bytes:
    """JSON as a frame of the same kind of stream."""
    return b"data:" + data + b"\n\n" if is_event_stream else data + b"\n"
