"""Questions of servers to the user.

A call of revision 2026-07-28 returns what its server wants to know, and is made again with the answer: nothing is held
in between, so a turn can wait for it (https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr). A
server of an older revision asks while the call runs. That would hold a connection and a thread for as long as a person
thinks, and end with the worker, so such a question is declined at once, and the model reads that nobody was asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from mcp_types import (
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
    InputResponses,
)

from app.form_schema import NoForm, checked_form
from app.state.open_calls.records import Question, Replied
from workers.secrets import Secrets, UnknownSecret
from workers.tools import ToolError

MAX_MESSAGE = 4000
MAX_URL = 2000
MAX_STATE = 64 * 1024
MAX_QUESTIONS = 16
MAX_NAME = 200
"""Of one result of a call: characters of a question, of its address, and of the state that the server gives along; how
many questions there may be, which are asked one after the other, and characters of the server's names of them."""

NOT_ASKED = (
    "The server wanted to ask the user: {question!r}. Nobody was asked: it speaks an old revision of MCP, in which a "
    "question cannot wait for its answer. Ask the user yourself if you can use the answer."
)


@dataclass(frozen=True)
class Retry:
    """A call is made again with the answers to all questions, and the server's state as it gave it."""

    responses: InputResponses | None = None
    state: str | None = None


@dataclass(frozen=True)
class Questions:
    """The questions of one result that have no answer yet, by the server's names of them, and the answers so far."""

    left: Mapping[str, Mapping[str, Any]]
    state: str | None = None
    responses: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, result: InputRequiredResult, secrets: Secrets) -> Questions:
        """Those of a call's result. Raises `ToolError` for one that no user can be asked."""
        state, requests = result.request_state, result.input_requests or {}
        is_long = len(state or "") > MAX_STATE or any(len(name) > MAX_NAME for name in requests)
        if is_long or len(requests) > MAX_QUESTIONS:
            raise ToolError("The server asks the user for too much at once")
        return cls({name: _shown(one, secrets) for name, one in requests.items()}, _concealed(state, secrets))

    @classmethod
    def after(cls, replied: Replied) -> Questions:
        """Those that are left after a person's answer to the first one."""
        resume = replied.question.resume
        left = dict(resume["left"])
        name = next(iter(left))
        del left[name]
        answer: dict[str, Any] = {"action": "accept" if replied.is_accepted else "decline"}
        if replied.is_accepted and not replied.question.url:
            answer["content"] = dict(replied.content)
        return cls(left, resume["state"], {**resume["responses"], name: answer})

    def first(self) -> Question:
        """The question to ask next."""
        shown = next(iter(self.left.values()))
        resume = {"left": dict(self.left), "state": self.state, "responses": dict(self.responses)}
        return Question(shown["message"], shown.get("schema"), shown.get("url", ""), resume)

    def retry(self, secrets: Secrets) -> Retry:
        """The call to make when each one has its answer. Raises `ToolError`."""
        responses: InputResponses = {name: ElicitResult(**answer) for name, answer in self.responses.items()}
        return Retry(responses, _revealed(self.state, secrets))


def _shown(request: Any, secrets: Secrets) -> dict[str, Any]:
    """A question as the person gets it. Raises `ToolError`."""
    if not isinstance(request, ElicitRequest):
        raise ToolError("The server asks for what is not supported: only questions to the user are")
    params = request.params
    if not params.message.strip() or len(params.message) > MAX_MESSAGE:
        raise ToolError(f"The server's question to the user is empty or has more than {MAX_MESSAGE:,} characters")
    message = secrets.conceal_text(params.message)
    if not isinstance(params, ElicitRequestFormParams):
        return {"message": message, "url": secrets.conceal_text(_checked_url(params.url))}
    try:
        return {"message": message, "schema": checked_form(secrets.conceal(checked_form(params.requested_schema)))}
    except NoForm as no_form:
        raise ToolError(f"The server asks the user by a form that {no_form}") from None


def _checked_url(url: str) -> str:
    if len(url) > MAX_URL or not url.isprintable() or not _is_page(url):
        raise ToolError("The server wants the user to open an address that is no address of a web page")
    return url


def _is_page(url: str) -> bool:
    """Not with a name before the host: people read https://bank.example@evil.example as an address of the bank."""
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
        return has_host and parts.scheme in ("http", "https")
    except ValueError:  # also of the port
        return False


def _concealed(state: str | None, secrets: Secrets) -> str | None:
    """The state without the secrets of the client: it waits in Redis. Raises `ToolError`."""
    concealed = secrets.conceal_exactly(state) if state else state
    if _revealed(concealed, secrets) != state:
        raise ToolError("The server gives a secret of the user back in a form that cannot be kept")
    return concealed


def _revealed(state: str | None, secrets: Secrets) -> str | None:
    if not state or not secrets:
        return state
    try:
        return str(secrets.reveal(state))
    except UnknownSecret as error:
        raise ToolError(str(error)) from None
