"""Tools as a team would write them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from tests.support.images import PNG
from workers.tools import ClientRequest, Image, ToolContext, needs_approval, resumable

log = logging.getLogger(__name__)

LARGE = 70_000


def Add(a: int, b: int = 1) -> dict[str, int]:
    """Add two numbers.

    Args:
        a: The first one.
        b: The second one.
    """
    return {"sum": a + b}


@needs_approval(when=lambda amount: amount > 100)
def Pay(to: str, amount: int) -> dict[str, Any]:
    """Send money.

    Args:
        to: To whom.
        amount: How much.
    """
    return {"paid": amount, "to": to}


def Draw(kind: str) -> Image:
    """Draw a dot."""
    return Image(PNG if kind == "png" else b"broken", filename="dot.png")


def Explode() -> None:
    """Fail."""
    raise RuntimeError("a secret of the tool")


def Large() -> str:
    """Return more than is allowed."""
    return "x" * LARGE


async def Pause(ctx: ToolContext, seconds: float, file: str = "") -> dict[str, str]:
    """Wait, and note in a file that it waits, then that the wait is cancelled.

    Args:
        seconds: How long.
        file: The path of the file.
    """
    if file:
        Path(file).write_text("waits")
    try:
        await ctx.async_sleep(seconds)
    except asyncio.CancelledError:
        Path(file).write_text("cancelled")
        raise
    return {"session": ctx.session_id}


async def CountdownLater(n: int, every: float = 0.1) -> AsyncIterator[dict[str, Any]]:
    """Count down from a number.

    Args:
        n: Where to start.
        every: Seconds between two numbers.
    """
    for left in range(n, 0, -1):
        yield {"left": left}
        await asyncio.sleep(every)


@resumable
async def RecurLater(ctx: ToolContext, times: int, every: float) -> AsyncIterator[int]:
    """Return a number again and again.

    Args:
        times: How often.
        every: Seconds between two numbers.
    """
    for number in range(ctx.step + 1, times + 1):
        if number > 1:
            await ctx.async_sleep(every)
        yield number


def Unfit() -> dict[str, Any]:
    """Return what is no JSON."""
    return {"shop": object()}


def Speak(word: str) -> str:
    """Write a word into the log, and print it.

    Args:
        word: The word.
    """
    log.info("heard %s", word)
    print("said", word)
    return "spoken"


async def SpeakLater(word: str) -> AsyncIterator[str]:
    """Write a word into the log, and print it.

    Args:
        word: The word.
    """
    yield await asyncio.to_thread(Speak, word)


def Countdown(n: int, every: float = 0.1) -> Iterator[dict[str, Any]]:
    """Count down from a number.

    Args:
        n: Where to start.
        every: Seconds between two numbers.
    """
    for left in range(n, 0, -1):
        yield {"left": left}
        if left > 1:
            time.sleep(every)


def CountWhenTold(n: int, file: str) -> Iterator[dict[str, Any]]:
    """Count down from a number; go on behind the first step when a file is there, and fail if it is a folder.

    Args:
        n: Where to start.
        file: The path of the file.
    """
    yield {"left": n}
    while not Path(file).exists():
        time.sleep(0.02)
    if Path(file).is_dir():
        raise RuntimeError("It is a folder")
    for left in range(n - 1, 0, -1):
        yield {"left": left}


def Journal(file: str, steps: int = 3) -> Iterator[int]:
    """Write a line into a file at each step.

    Args:
        file: The path of the file.
        steps: How many.
    """
    for number in range(1, steps + 1):
        Jot(file, f"step {number}")
        yield number


@resumable
def Recur(ctx: ToolContext, times: int, every: float) -> Iterator[int]:
    """Return a number again and again.

    Args:
        times: How often.
        every: Seconds between two numbers.
    """
    for number in range(ctx.step + 1, times + 1):
        if number > 1:
            ctx.sleep(every)
        yield number


def Jot(file: str, line: str = "called") -> str:
    """Write a line into a file.

    Args:
        file: The path of the file.
        line: The line.
    """
    with Path(file).open("a") as notes:
        notes.write(f"{line}\n")
    return line


def Stamp(file: str) -> Iterator[str]:
    """Note each run in a file; go on when a file beside it is there.

    Args:
        file: The path of the file.
    """
    with Path(file).open("a") as runs:
        runs.write("run\n")
    yield "begun"
    while not Path(f"{file}.go").exists():
        time.sleep(0.02)
    yield "ended"


def Wei(amount: int) -> dict[str, int]:
    """Return an amount as it came.

    Args:
        amount: An amount in wei.
    """
    return {"wei": amount}


def Repeat(word: str) -> dict[str, Any]:
    """Return a word as the tool got it.

    Args:
        word: The word.
    """
    return {"word": word, "letters": " ".join(word), "length": len(word)}


def Echoes(word: str) -> Iterator[str]:
    """Return a word again and again.

    Args:
        word: The word.
    """
    yield word
    time.sleep(0.2)
    yield word


def Refuse(word: str) -> None:
    """Fail with the word.

    Args:
        word: The word.
    """
    raise RuntimeError(word)


def PickFile(types: list[str]) -> ClientRequest:
    """Ask the user to pick a file.

    Args:
        types: Endings of the files that can be picked.
    """
    return ClientRequest("file", {"types": types})


def Deep() -> list[Any]:
    """Return what is nested too deeply."""
    value: list[Any] = []
    for _ in range(300):
        value = [value]
    return value
