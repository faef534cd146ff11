"""`aomi chat` with a person at a terminal: a line is a message, or a command if it begins with `/`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from app.commands.chat.answer_view import Following
from app.commands.chat.backend import Away, Backend, Refused
from app.commands.chat.commands import COMMANDS, Chosen, Leave, show
from app.commands.chat.screen import Screen
from app.commands.chat.tools import Tools, asked, request
from app.commands.chat.updates import Updates
from app.events import sse

PROMPT = "> "

PENDING = {"pending_txs": "wallet_tx_request", "pending_eip712s": "wallet_eip712_request"}
"""Where the user state has the open requests of a kind; those of other kinds are in `pending_requests`."""

OVER = {"answered": "was answered", "expired": "has expired"}


class Conversation:
    """One session, until the person leaves."""

    def __init__(self, backend: Backend, screen: Screen, app: str | None) -> None:
        self._backend = backend
        self._screen = screen
        self._chosen = Chosen(app)
        self._tools = Tools()
        self._leaving = False

    def run(self, going_on: bool) -> None:
        """Talk until the person leaves. `going_on`: the session was there before. Raises `Refused`, `Away`."""
        self._greet()
        Updates(self._backend, self._hear).start()
        with suppress(Leave):
            if going_on:
                self._try(self._catch_up)
            while True:
                self._try(self._turn)
        self._screen.say(f"To go on: aomi chat --session {self._backend.session_id}")
        self._screen.close()

    def _greet(self) -> None:
        session = self._backend.session()
        app = self._chosen.app or session["app"]
        title = f"{session['title']} · " if session["title"] else ""
        self._screen.say(f"{title}app {app} · model {session['model']} · /help lists the commands", dim=True)

    def _catch_up(self) -> None:
        """What is open in a session that was there before: requests, and an answer that is still coming."""
        state = self._backend.state()
        for name, requests in state["user_state"].items():
            if name in PENDING or name == "pending_requests":
                for number, body in requests.items():
                    self._say_all(request(number, PENDING.get(name, "a client's request"), body))
        said = state["messages"]
        if state["is_processing"]:  # the answer so far comes again, with what follows
            asked_at = (n for n, message in enumerate(said, 1) if message["role"] in ("user", "system"))
            said = said[: max(asked_at, default=0)]
        show(self._screen, said)
        if state["is_processing"]:
            self._follow(None)

    def _turn(self) -> None:
        """Take one line."""
        line = self._screen.ask(PROMPT).strip()
        self._leaving = False
        self._take(line)

    def _try(self, step: Callable[[], None]) -> None:
        """Take a step; what goes wrong is said. Raises `Leave`."""
        try:
            step()
        except EOFError:
            raise Leave from None
        except KeyboardInterrupt:
            if self._leaving:
                raise Leave from None
            self._leaving = True
            self._screen.say("Ctrl-C again leaves, and so does /quit.", dim=True)
        except Refused as refusal:
            self._screen.say(f"Refused: {refusal}", fg="red")
        except Away as error:
            self._screen.say(f"The backend does not answer: {error}. Try again when it is back.", fg="red")

    def _take(self, line: str) -> None:
        if line.startswith("/") and not line.startswith("//"):
            name, _, rest = line[1:].partition(" ")
            if name not in COMMANDS:
                self._screen.say(f"There is no command /{name}; /help lists them. (//{name} sends it as a message.)")
            elif COMMANDS[name].act(self._backend, self._screen, self._chosen, rest.strip()):
                self._follow(None)
        elif line:
            text = line.removeprefix("/")
            self._follow({"text": text} | ({"thread_id": self._chosen.thread} if self._chosen.thread else {}))

    def _follow(self, message: dict[str, Any] | None) -> None:
        following = Following(self._backend, self._screen, self._tools)
        try:
            self._leaving = following.show(message, self._chosen.app)
        except KeyboardInterrupt:
            raise Leave from None  # the second one

    def _hear(self, event: sse.Event) -> None:
        """An update, in the thread of the updates."""
        kind = event["type"]
        if kind == "async_tool_result":
            self._screen.say(self._tools.answered(event), dim=True)
        elif kind in ("wallet_tx_request", "wallet_eip712_request", "client_request"):
            self._say_all(asked(event))
        elif kind == "client_request_closed":
            numbers = ", ".join(map(str, event["ids"]))
            self._screen.say(f"Request {numbers} {OVER[event['outcome']]}.", dim=True)
        elif kind == "system_notice":
            self._screen.say(event["message"], fg="yellow")

    def _say_all(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._screen.say(line, fg="cyan")
