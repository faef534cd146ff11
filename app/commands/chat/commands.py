"""The commands: lines that begin with `/`."""

from __future__ import annotations

from typing import Any

from app import exact_json
from app.commands.chat.backend import Backend, Refused
from app.commands.chat.command_form import CURRENT_TURN, ChatBody, Command, NextMessage
from app.commands.chat.export import EXPORT_COMMAND
from app.commands.chat.history import show
from app.commands.chat.message_commands import MESSAGE_COMMANDS
from app.commands.chat.open_calls import PENDING_COMMAND
from app.commands.chat.screen import Screen
from app.terminal_text import one_line


class Leave(Exception):
    """The person leaves."""


def _help(backend: Backend, screen: Screen, next_message: NextMessage, text: str) -> None:
    for name, command in COMMANDS.items():
        screen.say(f"  {f'/{name} {command.usage}':<24} {command.about}")
    screen.say("  Ctrl-C stops the answer; a second one leaves. //text sends a message that begins with /.")


def _model(backend: Backend, screen: Screen, next_message: NextMessage, text: str) -> None:
    if text:
        backend.control("model", {"model": text})
        screen.say(f"From the next message on: model {text}.")
        return
    current = backend.session()["model"]
    models = backend.call("GET", "/api/session/models")["models"]
    _choices(screen, [(model["id"], f"{model['name']}, {model['provider']}") for model in models], current)


def _app(backend: Backend, screen: Screen, next_message: NextMessage, text: str) -> None:
    if not backend.has_key and text in ("", "default"):
        apps = [{"id": "default", "name": "other apps need an API key: --key or AOMI_API_KEY"}]
    else:
        apps = backend.call("GET", "/api/session/apps")["apps"]
    if not text:
        _choices(screen, [(app["id"], app["name"]) for app in apps], next_message.app or backend.session()["app"])
        return
    if text not in [app["id"] for app in apps]:
        raise Refused(f"The API key opens no app {text!r}; /app lists those that it opens")
    backend.control("app", {"app": text})
    next_message.app = text
    screen.say(f"From the next message on: app {text}, model {backend.session()['model']}.")


def _new(backend: Backend, screen: Screen, next_message: NextMessage, text: str) -> None:
    path = f"/api/sessions/{backend.session_id}/threads"
    next_message.thread = backend.call("POST", path, {"title": text} if text else {})["id"]
    screen.say("A new thread; the others stay in /threads.")


def _threads(backend: Backend, screen: Screen, next_message: NextMessage, text: str) -> None:
    threads = backend.session()["threads"][::-1]
    if not threads:
        screen.say("There is no thread yet; the first message opens one.")
        return
    current = next_message.thread or threads[0]["id"]
    if not text:
        for number, thread in enumerate(threads, start=1):
            mark = "*" if thread["id"] == current else " "
            screen.say(
                f"{mark} {number}  {one_line(thread['title']) or '(no message yet)'}  {thread['updated_at'][:16]}"
            )
        text = screen.ask("Number of a thread (Enter stays): ").strip()
    if not text:
        return
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= len(threads)):
        raise Refused(f"There is no thread {text!r}: give a number from 1 to {len(threads)}")
    next_message.thread = threads[int(text) - 1]["id"]
    show(screen, backend.state(next_message.thread)["messages"])


def _answer(backend: Backend, screen: Screen, next_message: NextMessage, text: str) -> ChatBody:
    number, _, reply = text.partition(" ")
    try:
        result = exact_json.strict(reply.encode())
    except ValueError:
        raise Refused('Give a number and a JSON object, such as /answer 1 {"status": "success"}') from None
    return _result(backend, number, result)


def _refuse(backend: Backend, screen: Screen, next_message: NextMessage, text: str) -> ChatBody:
    number, _, why = text.partition(" ")
    return _result(backend, number, {"status": "failed", "error": why or "The user refused"})


def _quit(backend: Backend, screen: Screen, next_message: NextMessage, text: str) -> None:
    raise Leave


COMMANDS = {
    "model": Command("[name]", "choose the model, or list those of the app", _model),
    "app": Command("[name]", "choose the app, or list those that the key opens", _app),
    **MESSAGE_COMMANDS,
    "new": Command("[title]", "open a new thread", _new),
    "threads": Command("[number]", "list the threads and go on in one of them", _threads),
    "export": EXPORT_COMMAND,
    "pending": PENDING_COMMAND,
    "answer": Command("number {json}", "reply to a request of a tool, such as a wallet request", _answer),
    "refuse": Command("number [why]", "refuse it", _refuse),
    "help": Command("", "show this", _help),
    "quit": Command("", "leave; the session stays", _quit),
}


def _result(backend: Backend, number: str, result: Any) -> ChatBody:
    if not (number.isascii() and number.isdigit()):
        raise Refused("Give the number of the request")
    backend.control("wallet_result", {"id": int(number), "result": result})
    return CURRENT_TURN


def _choices(screen: Screen, choices: list[tuple[str, str]], current: str) -> None:
    for name, about in choices:
        screen.say(f"{'*' if name == current else ' '} {name}  ({about})")
