"""The terminal: output by one writer at a time, and the input line."""

from __future__ import annotations

import sys
import threading
import time

import click

from app.terminal_text import as_block, as_line, clean

FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
CLEAR = "\r\x1b[K"

try:
    import readline  # gives `input` a history and keys to edit with
except ImportError:  # not on every system

    def typed() -> str:
        """The text of the input line so far."""
        return ""

    def prefill(text: str) -> None:
        """Begin the next input line with a text: not possible here."""
else:

    def typed() -> str:
        """The text of the input line so far."""
        return readline.get_line_buffer()

    def prefill(text: str) -> None:
        """Begin the next input line with a text; "" ends that."""
        readline.set_startup_hook((lambda: readline.insert_text(text)) if text else None)


class Screen:
    """A terminal. All text goes through `app.terminal_text`, so that it cannot control the terminal."""

    def __init__(self, colour: bool) -> None:
        self._colour = colour
        self._lock = threading.RLock()
        self._at_start = True
        self._spinning = False
        self._prompt = ""
        self._closed = False

    def close(self) -> None:
        """Write nothing from now on: a daemon thread that writes while Python exits would crash it."""
        with self._lock:
            self._closed = True

    def text(self, piece: str, *, dim: bool = False) -> None:
        """Append a piece of the answer."""
        if piece := clean(piece):
            with self._lock:
                self._still()
                self._write(click.style(piece, dim=True) if dim and self._colour else piece)
                self._at_start = piece.endswith("\n")

    def say(self, line: str, **style: bool | str) -> None:
        """Write a line of its own; above the prompt while an input line is being read."""
        self._say(as_line(line), **style)

    def say_block(self, text: str, **style: bool | str) -> None:
        """As `say`, a text of several lines; those after the first one are indented."""
        self._say(as_block(text), **style)

    def _say(self, line: str, **style: bool | str) -> None:
        with self._lock:
            self._still()
            shown = click.style(line, **style) if self._colour and style else line  # type: ignore[arg-type]
            if self._prompt:
                self._write(f"{CLEAR}{shown}\n{self._prompt}{clean(typed())}")
            else:
                self._write(f"{'' if self._at_start else chr(10)}{shown}\n")
                self._at_start = True

    def end(self) -> None:
        """End the answer: the next output begins a line."""
        with self._lock:
            self._still()
            if not self._at_start:
                self._write("\n")
                self._at_start = True

    def spin(self, text: str) -> None:
        """Show a spinner with a text, if the cursor is at the start of a line."""
        with self._lock:
            if self._at_start:
                self._spinning = True
                frame = FRAMES[int(time.monotonic() * 10) % len(FRAMES)]
                self._write(f"{CLEAR}{frame} {text}")

    def ask(self, prompt: str, prefilled: str = "") -> str:
        """Read the next line. `prefilled` is there to be edited, where the system can. Raises `EOFError`,
        `KeyboardInterrupt`."""
        with self._lock:
            self.end()
            self._prompt = prompt
        prefill(prefilled)
        try:
            return input(prompt)
        except (EOFError, KeyboardInterrupt):
            self._write("\n")
            raise
        finally:
            prefill("")
            self._prompt = ""

    def _still(self) -> None:
        if self._spinning:
            self._write(CLEAR)
            self._spinning = False

    def _write(self, text: str) -> None:
        if not self._closed:
            sys.stdout.write(text)
            sys.stdout.flush()
