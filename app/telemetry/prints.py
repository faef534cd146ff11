"""The prints of tools as log lines: with the session and the tool, masked, and one event a line."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import TextIO

from app.telemetry import log_context, redaction

log = logging.getLogger("app.print")

_unfinished: ContextVar[dict[int, str] | None] = ContextVar("unfinished", default=None)
"""The unfinished line of the current call of a tool, by log level; None outside of tools."""

MAX_LINE = 10_000
"""Characters after which a line is logged although it goes on."""


def capture() -> None:
    """Log the prints of tools from now on, those to stderr at WARNING. All else is printed, line by line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)
    sys.stdout = PrintedLines(sys.stdout, logging.INFO)
    sys.stderr = PrintedLines(sys.stderr, logging.WARNING)


@contextmanager
def tool_output(tool: str, conceal: Callable[[str], str]) -> Iterator[None]:
    """Log what is printed inside the `with` block as lines of this tool. `conceal` takes its client's secrets out."""
    context = replace(log_context.current(), tool=tool)
    with log_context.log_context(context), redaction.concealing(conceal):
        unfinished: dict[int, str] = {}
        token = _unfinished.set(unfinished)
        try:
            yield
        finally:
            _unfinished.reset(token)
            for level, line in unfinished.items():
                log.log(level, "%s", line.rstrip())


class PrintedLines(io.TextIOBase, TextIO):
    """A stream that logs what the code of tools writes, and passes on all else, without secrets of running tools."""

    def __init__(self, stream: TextIO, level: int) -> None:
        self._stream = stream
        self._level = level

    def write(self, text: str, /) -> int:
        """Log each line that is complete."""
        unfinished = _unfinished.get()
        if unfinished is None:
            self._stream.write(redaction.concealed(text))
            return len(text)
        *lines, rest = (unfinished.pop(self._level, "") + text).split("\n")
        if len(rest) > MAX_LINE:
            lines, rest = [*lines, rest], ""
        if rest:
            unfinished[self._level] = rest
        for line in filter(str.strip, lines):
            log.log(self._level, "%s", line.rstrip())
        return len(text)

    def flush(self) -> None:
        """Flush what was passed on. A line of a tool waits for its end."""
        self._stream.flush()

    def writable(self) -> bool:
        """Always."""
        return True

    def isatty(self) -> bool:
        """Whether the stream itself is a terminal."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """The file of the stream itself."""
        return self._stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """That of the stream itself."""
        return self._stream.encoding

    @property
    def buffer(self) -> io.BufferedIOBase:  # type: ignore[override]
        """The bytes below the stream itself: what is written there is not logged."""
        return self._stream.buffer  # type: ignore[return-value]
