"""All that is written to the terminal, by one writer at a time, and the line that is read from it."""

from __future__ import annotations

import sys
import threading
import time

import click

from app.commands.chat.clean import clean

FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
CLEAR = "\r\x1b[K"

try:
    import readline  # gives `input` a history and keys to edit with
except ImportError:  # not on every system

    def typed() -> str:
        """What is on the line that is being read."""
        return ""
else:

    def typed() -> str:
        """What is on the line that is being read."""
        return readline.get_line_buffer()


class Screen:
    """A terminal. What others wrote goes through `clean`, so that it cannot steer it."""

    def __init__(self, colour: bool) -> None:
        self._colour = colour
        self._lock = threading.RLock()
        self._at_start = True
        self._spinning = False
        self._prompt = ""
        self._closed = False

    def close(self) -> None:
        """Nothing is written any more: a thread that writes while Python ends would break it."""
        with self._lock:
            self._closed = True

    def text(self, piece: str) -> None:
        """A piece of the answer, where the last one ended."""
        if piece := clean(piece):
            with self._lock:
                self._still()
                self._write(piece)
                self._at_start = piece.endswith("\n")

    def say(self, line: str, **style: bool | str) -> None:
        """A line of its own; above the prompt while a line is being read."""
        with self._lock:
            self._still()
            line = clean(line)
            shown = click.style(line, **style) if self._colour and style else line  # type: ignore[arg-type]
            if self._prompt:
                self._write(f"{CLEAR}{shown}\n{self._prompt}{clean(typed())}")
            else:
                self._write(f"{'' if self._at_start else chr(10)}{shown}\n")
                self._at_start = True

    def end(self) -> None:
        """The answer is over: what comes next begins a line."""
        with self._lock:
            self._still()
            if not self._at_start:
                self._write("\n")
                self._at_start = True

    def spin(self, words: str) -> None:
        """Show that something goes on, if the cursor is at the start of a line."""
        with self._lock:
            if self._at_start:
                self._spinning = True
                frame = FRAMES[int(time.monotonic() * 10) % len(FRAMES)]
                self._write(f"{CLEAR}{frame} {words}")

    def ask(self, prompt: str) -> str:
        """The next line that is typed. Raises `EOFError`, `KeyboardInterrupt`."""
        with self._lock:
            self.end()
            self._prompt = prompt
        try:
            return input(prompt)
        except (EOFError, KeyboardInterrupt):
            self._write("\n")
            raise
        finally:
            self._prompt = ""

    def _still(self) -> None:
        if self._spinning:
            self._write(CLEAR)
            self._spinning = False

    def _write(self, text: str) -> None:
        if not self._closed:
            sys.stdout.write(text)
            sys.stdout.flush()
