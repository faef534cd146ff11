"""`aomi chat` with a person: each line is a message, or a command if it begins with `/`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from app.commands.chat.answer_view import AnswerView
from app.commands.chat.backend import Backend, Refused, Unreachable
from app.commands.chat.command_form import ChatBody, NextMessage, references
from app.commands.chat.commands import COMMANDS, Leave
from app.commands.chat.history import names, show
from app.commands.chat.open_calls import OUTCOMES as CALL_OUTCOMES
from app.commands.chat.open_calls import ask
from app.commands.chat.screen import Screen
from app.commands.chat.tools import ToolLines, request_event_lines
from app.commands.chat.updates import Updates
from app.events import sse

PROMPT = "> "

OUTCOMES = {"answered": "was answered", "expired": "has expired"}


class Conversation:
    """One session, until the person leaves. `with_thoughts` shows what the models think."""

    def __init__(self, backend: Backend, screen: Screen, app: str | None, *, with_thoughts: bool) -> None:
        self._backend = backend
        self._screen = screen
        self._with_thoughts = with_thoughts
        self._next_message = NextMessage(app)
        self._tools = ToolLines()
        self._leaving = False
        self._asked: set[str] = set()  # calls that the person was asked about
        self._answered: set[str] = set()  # ids of calls that the person has answered here
        self._is_following = False  # a turn, whose calls are asked about at its end

    def attach(self, files: list[dict[str, Any]]) -> None:
        """Have stored files go with the next message."""
        self._next_message.attachments += files
        if files:
            self._screen.say(f"{names(files)} goes with the first message.", dim=True)

    def run(self, resumed: bool) -> None:
        """Talk until the person leaves. `resumed`: the session existed before. Raises `Refused`, `Unreachable`."""
        self._greet()
        Updates(self._backend, self._on_update).start()
        with suppress(Leave):
            if resumed:
                self._try(self._catch_up)
            while True:
                self._try(self._turn)
        self._screen.say(f"To go on: aomi chat --session {self._backend.session_id}")
        self._screen.close()

    def _greet(self) -> None:
        session = self._backend.session()
        app = self._next_message.app or session["app"]
        title = f"{session['title']} · " if session["title"] else ""
        self._screen.say(f"{title}app {app} · model {session['model']} · /help lists the commands", dim=True)

    def _catch_up(self) -> None:
        """Show the open requests, the last messages and the running answer of a resumed session."""
        state = self._backend.state()
        for request in state.get("client_requests", ()):  # an older backend has none
            self._say_all(request_event_lines(request))
        messages = state["messages"]
        if state["is_processing"]:  # the stream replays the answer from its beginning
            prompts = (n for n, message in enumerate(messages, 1) if message["role"] in ("user", "system"))
            messages = messages[: max(prompts, default=0)]
        show(self._screen, messages)
        if state["is_processing"]:
            self._follow(None)
        elif state["pending"]:
            self._ask()

    def _turn(self) -> None:
        """Read one line and act on it."""
        line = self._screen.ask(PROMPT).strip()
        self._leaving = False
        self._act_on(line)

    def _try(self, step: Callable[[], None]) -> None:
        """Run a step and show its error, if any. Raises `Leave`."""
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
        except Unreachable as error:
            self._screen.say(f"The backend does not answer: {error}. Try again when it is back.", fg="red")

    def _act_on(self, line: str) -> None:
        if line.startswith("/") and not line.startswith("//"):
            name, _, rest = line[1:].partition(" ")
            if name not in COMMANDS:
                self._screen.say(f"There is no command /{name}; /help lists them. (//{name} sends it as a message.)")
                return
            message = COMMANDS[name].act(self._backend, self._screen, self._next_message, rest.strip())
            if message is not None:
                self._send(message)
        elif line:
            self._send(self._next_message.body(text=line.removeprefix("/")))

    def _send(self, message: ChatBody) -> None:
        """Send a message with what is attached to it, and show the answer. `CURRENT_TURN` sends none."""
        if "text" in message and (files := self._next_message.attachments):
            message = message | {"attachments": [*message.get("attachments", []), *references(files)]}
        self._follow(message or None)
        if "text" in message:
            self._next_message.attachments = []  # a refused message has left them there

    def _follow(self, message: ChatBody | None) -> None:
        self._answered |= {one["call_id"] for one in (message or {}).get("answers", ())}
        view = AnswerView(self._backend, self._screen, self._tools, with_thoughts=self._with_thoughts)
        self._is_following = True
        try:
            self._leaving = view.show(message, self._next_message.app)
        except KeyboardInterrupt:
            raise Leave from None  # the second one
        else:
            if view.is_awaiting:
                self._ask()
        finally:
            self._is_following = False

    def _ask(self) -> None:
        """Ask about the calls that wait, and go on with the answers."""
        answers = ask(self._backend, self._screen, self._next_message, self._asked)
        if answers is not None:
            self._follow(answers)

    def _on_update(self, event: sse.Event) -> None:
        """Show an update. Called in the thread of the updates."""
        kind = event["type"]
        if kind == "async_tool_result":
            self._screen.say(self._tools.result_line(event), dim=True)
        elif kind in ("wallet_tx_request", "wallet_eip712_request", "client_request"):
            self._say_all(request_event_lines(event))
        elif kind == "client_request_closed":
            numbers = ", ".join(map(str, event["ids"]))
            self._screen.say(f"Request {numbers} {OUTCOMES[event['outcome']]}.", dim=True)
        elif kind == "tool_pending" and not self._is_following:
            self._screen.say(f"{event['name']} waits for an answer: /pending asks you.", fg="cyan")
        elif kind == "tool_answered":
            self._on_answered(event)
        elif kind == "system_notice":
            self._screen.say(event["message"], fg="yellow")

    def _on_answered(self, event: sse.Event) -> None:
        """Say how a call ended, unless the person has answered it here."""
        if event["call_id"] in self._answered:
            self._answered.discard(event["call_id"])
        else:
            self._screen.say(f"{event['name']} {CALL_OUTCOMES[event['outcome']]}.", dim=True)

    def _say_all(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._screen.say(line, fg="cyan")
