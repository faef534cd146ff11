"""What a line that begins with `/` does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from app import exact_json
from app.commands.chat.backend import Backend, Refused
from app.commands.chat.clean import one_line
from app.commands.chat.screen import Screen

SHOWN = 6
"""Messages of a thread that are shown when one comes to it."""


class Leave(Exception):
    """The person wants to go."""


@dataclass
class Chosen:
    """What goes with the next message; None leaves it to the session: its app, its newest thread."""

    app: str | None
    thread: str | None = None


Act = Callable[[Backend, Screen, Chosen, str], bool]
"""Does it with the words behind the command. True when a turn has begun by that. Raises `Refused`, `Away`."""


class Command(NamedTuple):
    """A command as `/help` shows it."""

    usage: str
    about: str
    act: Act


def _help(backend: Backend, screen: Screen, chosen: Chosen, words: str) -> bool:
    for name, command in COMMANDS.items():
        screen.say(f"  {f'/{name} {command.usage}':<24} {command.about}")
    screen.say("  Ctrl-C stops the answer; a second one leaves. //text sends a message that begins with /.")
    return False


def _model(backend: Backend, screen: Screen, chosen: Chosen, words: str) -> bool:
    if words:
        backend.control("model", {"model": words})
        screen.say(f"From the next message on: model {words}.")
        return False
    current = backend.session()["model"]
    models = backend.call("GET", "/api/session/models")["models"]
    _choices(screen, [(model["id"], f"{model['name']}, {model['provider']}") for model in models], current)
    return False


def _app(backend: Backend, screen: Screen, chosen: Chosen, words: str) -> bool:
    if not backend.has_key and words in ("", "default"):
        apps = [{"id": "default", "name": "other apps need an API key: --key or AOMI_API_KEY"}]
    else:
        apps = backend.call("GET", "/api/session/apps")["apps"]
    if not words:
        _choices(screen, [(app["id"], app["name"]) for app in apps], chosen.app or backend.session()["app"])
        return False
    if words not in [app["id"] for app in apps]:
        raise Refused(f"The API key opens no app {words!r}; /app lists those that it opens")
    backend.control("app", {"app": words})
    chosen.app = words
    screen.say(f"From the next message on: app {words}, model {backend.session()['model']}.")
    return False


def _new(backend: Backend, screen: Screen, chosen: Chosen, words: str) -> bool:
    path = f"/api/sessions/{backend.session_id}/threads"
    chosen.thread = backend.call("POST", path, {"title": words} if words else {})["id"]
    screen.say("A new thread; the others stay in /threads.")
    return False


def _threads(backend: Backend, screen: Screen, chosen: Chosen, words: str) -> bool:
    threads = backend.session()["threads"][::-1]
    if not threads:
        screen.say("There is no thread yet; the first message opens one.")
        return False
    current = chosen.thread or threads[0]["id"]
    if not words:
        for number, thread in enumerate(threads, start=1):
            mark = "*" if thread["id"] == current else " "
            screen.say(
                f"{mark} {number}  {one_line(thread['title']) or '(no message yet)'}  {thread['updated_at'][:16]}"
            )
        words = screen.ask("Number of a thread (Enter stays): ").strip()
    if not words:
        return False
    if not (words.isascii() and words.isdigit() and 1 <= int(words) <= len(threads)):
        raise Refused(f"There is no thread {words!r}: give a number from 1 to {len(threads)}")
    chosen.thread = threads[int(words) - 1]["id"]
    show(screen, backend.state(chosen.thread)["messages"])
    return False


def _answer(backend: Backend, screen: Screen, chosen: Chosen, words: str) -> bool:
    number, _, text = words.partition(" ")
    try:
        result = exact_json.strict(text.encode())
    except ValueError:
        raise Refused('Give a number and a JSON object, such as /answer 1 {"status": "success"}') from None
    return _result(backend, number, result)


def _refuse(backend: Backend, screen: Screen, chosen: Chosen, words: str) -> bool:
    number, _, why = words.partition(" ")
    return _result(backend, number, {"status": "failed", "error": why or "The user refused"})


def _quit(backend: Backend, screen: Screen, chosen: Chosen, words: str) -> bool:
    raise Leave


COMMANDS = {
    "model": Command("[name]", "choose the model, or list those of the app", _model),
    "app": Command("[name]", "choose the app, or list those that the key opens", _app),
    "new": Command("[title]", "open a new thread", _new),
    "threads": Command("[number]", "list the threads and go on in one of them", _threads),
    "answer": Command("number {json}", "answer what a tool has asked of you, such as a wallet request", _answer),
    "refuse": Command("number [why]", "refuse it", _refuse),
    "help": Command("", "show this", _help),
    "quit": Command("", "leave; the session stays", _quit),
}


def _result(backend: Backend, number: str, result: Any) -> bool:
    if not (number.isascii() and number.isdigit()):
        raise Refused("Say which request: its number stands in it")
    backend.control("wallet_result", {"id": int(number), "result": result})
    return True


def _choices(screen: Screen, choices: list[tuple[str, str]], current: str) -> None:
    for name, about in choices:
        screen.say(f"{'*' if name == current else ' '} {name}  ({about})")


def show(screen: Screen, messages: list[dict[str, Any]]) -> None:
    """The last messages of a thread."""
    for message in messages[-SHOWN:]:
        for call in message.get("tool_calls", ()):
            screen.say(f"⚙ {call['name']}", dim=True)
        if message["content"]:
            asked = message["role"] == "user"
            screen.say(f"> {message['content']}" if asked else message["content"], dim=True)
