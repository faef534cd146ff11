"""The commands that concern messages: attach files, withdraw, edit, regenerate, choose a branch."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from app.commands.chat.backend import Backend, Refused
from app.commands.chat.command_form import ChatBody, Command, NextMessage
from app.commands.chat.history import show
from app.commands.chat.screen import Screen
from app.terminal_text import one_line

MOST_ATTACHMENTS = 8
"""The most that one message may have; the backend has the same bound."""

Message = dict[str, Any]


def _attach(backend: Backend, screen: Screen, next_message: NextMessage, text: str) -> None:
    if not text:
        screen.say("The next message has no attachments." if next_message.attachments else "Nothing was attached.")
        next_message.attachments = []
        return
    if len(next_message.attachments) >= MOST_ATTACHMENTS:
        raise Refused(f"A message may have at most {MOST_ATTACHMENTS} attachments; /attach alone forgets them")
    path = Path(text).expanduser()
    if not path.is_file():
        raise Refused(f"There is no file {text!r}")
    try:
        stored = backend.upload(path)
    except OSError as error:
        raise Refused(f"{text!r} cannot be read: {error.strerror}") from None
    next_message.attachments.append(stored)
    about = f"{stored['filename']} ({stored['media_type']}, {stored['bytes']:,} bytes)"
    screen.say(f"{about} goes with the next message.")


def _withdraw(backend: Backend, screen: Screen, next_message: NextMessage, text: str) -> None:
    waiting = backend.state(next_message.thread)["waiting"]
    if not waiting:
        screen.say("No message waits.")
        return
    if not text and len(waiting) > 1:
        for number, one in enumerate(waiting, start=1):
            screen.say(f"  {number}  {one_line(one['text'])}")
        text = screen.ask("Number of a message (Enter leaves them): ").strip()
        if not text:
            return
    chosen = waiting[_number(text or "1", len(waiting), "message") - 1]
    backend.withdraw(chosen["run_id"])
    screen.say_block(f"Withdrawn: {chosen['text']}")


def _edit(backend: Backend, screen: Screen, next_message: NextMessage, text: str) -> ChatBody:
    found = re.fullmatch(r"(?:#(\d+)\s+)?(.+)", text, re.DOTALL)
    if found is None:
        raise Refused("Give the new text, as in /edit What is the price of BTC?")
    message = _said(backend, next_message, found[1] or "1")
    kept = [_reference(one) for one in message.get("attachments", ())]
    return next_message.body(edit=message["id"], text=found[2]) | ({"attachments": kept} if kept else {})


def _regenerate(backend: Backend, screen: Screen, next_message: NextMessage, text: str) -> ChatBody:
    message = _said(backend, next_message, text or "1")
    screen.say_block(f"> {message['content']}", dim=True)
    return next_message.body(regenerate=message["id"])


def _branches(backend: Backend, screen: Screen, next_message: NextMessage, text: str) -> None:
    places = _places(backend.state(next_message.thread)["messages"])
    if not places:
        screen.say("Nothing in this thread has other versions; /edit and /regenerate make some.")
    for number, message in enumerate(places, start=1):
        siblings = message["siblings"]
        version = f"version {siblings.index(message['id']) + 1} of {len(siblings)}"
        whose = "you: " if message["role"] == "user" else ""
        screen.say(f"  {number}  {version}  {whose}{one_line(message['content'], 50)}")
    if places:
        screen.say(
            "  /branch VERSION shows another version of the last of them, /branch NUMBER VERSION of another one."
        )


def _branch(backend: Backend, screen: Screen, next_message: NextMessage, text: str) -> None:
    state = backend.state(next_message.thread)
    places = _places(state["messages"])
    if not places:
        raise Refused("Nothing in this thread has other versions")
    *number, version = text.split() or [""]
    place = places[_number(number[0], len(places), "number") - 1] if number else places[-1]
    siblings = place["siblings"]
    backend.choose_branch(state["thread_id"], siblings[_number(version, len(siblings), "version") - 1])
    show(screen, backend.state(next_message.thread)["messages"])


MESSAGE_COMMANDS = {
    "attach": Command("[path]", "attach a file to the next message; without a path, forget those attached", _attach),
    "withdraw": Command("[number]", "take back a message that waits", _withdraw),
    "edit": Command("[#n] text", "put a text in place of your last message, or of the n-th last", _edit),
    "regenerate": Command("[n]", "answer your last message again, or the n-th last", _regenerate),
    "branches": Command("", "list what has other versions", _branches),
    "branch": Command("[number] version", "show another version", _branch),
}


def _said(backend: Backend, next_message: NextMessage, number: str) -> Message:
    """The n-th last message of the person. Raises `Refused`."""
    said = [one for one in backend.state(next_message.thread)["messages"] if one["role"] == "user"]
    if not said:
        raise Refused("You have not said anything in this thread")
    return said[-_number(number, len(said), "message")]


def _reference(attachment: dict[str, Any]) -> dict[str, Any]:
    """An attachment of a message, as a chat body names it."""
    return {"url": attachment["url"]} if "url" in attachment else {"file_id": attachment["file_id"]}


def _places(messages: list[Message]) -> list[Message]:
    """The messages that have other versions, oldest first."""
    return [message for message in messages if message.get("siblings")]


def _number(text: str, most: int, what: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= most):
        raise Refused(f"There is no {what} {text!r}: give a number from 1 to {most}")
    return int(text)
