"""The calls of an earlier turn that a person has answered: the approved ones run now, before the model goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app import exact_json
from app.events import sse
from app.state.conversation.transcript import Message
from app.state.open_calls.records import Asked, CallAnswer, OpenCalls, Question, Replied
from app.state.turns.run_records import Run
from workers.cancellation import CancelToken
from workers.reply import ToolRequest
from workers.secrets import Secrets
from workers.turn import Emit, MessageGone, Tools


def answered_calls(
    run: Run, messages: list[Message], secrets: Secrets, tools: Tools, emit: Emit, token: CancelToken
) -> tuple[list[Message], tuple[Asked, ...]]:
    """`with_results` of the calls with which a turn goes on, if it does. The model gets no secret out of a person's
    answer."""
    if run.goes_on is None:
        return messages, ()
    return with_results(messages, run.goes_on.with_each_result(secrets.conceal), tools, emit, token)


def names_that_run(run: Run) -> list[str]:
    """The names of the tools of the app whose calls were answered: most run now."""
    return [call.name for call in run.goes_on.calls if call.kind != "client_tool"] if run.goes_on else []


def with_results(
    messages: Sequence[Message], answered: OpenCalls, tools: Tools, emit: Emit, token: CancelToken
) -> tuple[list[Message], tuple[Asked, ...]]:
    """The messages with the results of the answered calls, each of which is emitted; and those calls whose server asks
    a question now, or one more. Raises `Stopped`, `MessageGone`."""
    place = next((at for at, one in enumerate(messages) if one["id"] == answered.message_id), None)
    if place is None:
        raise MessageGone("The calls that were answered are gone; load the conversation again")
    asking = messages[place]
    calls = [_AnsweredCall.of(call, asking, answered) for call in answered.calls if call.call_id in answered.answers]
    results, asks = list(asking.get("tool_results", ())), list[Asked]()

    def add(call: _AnsweredCall, result: Any) -> None:
        goes_on = call.runs and tools.goes_on(call.request, result)
        event = sse.tool_result(call.asked.call_id, call.asked.name, result, call.edited, goes_on=goes_on)
        emit(event)
        results.append({name: value for name, value in event.items() if name != "type"})

    for call in calls:
        if not call.runs:
            add(call, call.answer.result)
    running = {call.asked.call_id: call for call in calls if call.runs}
    for request, result in tools(tuple(call.request for call in running.values()), token):
        token.check()
        if isinstance(result, Question):
            asks.append(Asked(request.call_id, request.name, "elicitation", result))
        else:
            add(running[request.call_id], result)
    return [*messages[:place], asking | {"tool_results": results}, *messages[place + 1 :]], tuple(asks)


@dataclass(frozen=True)
class _AnsweredCall:
    """`made` are the arguments of the model."""

    asked: Asked
    answer: CallAnswer
    made: dict[str, Any]

    @classmethod
    def of(cls, asked: Asked, asking: Message, answered: OpenCalls) -> _AnsweredCall:
        made = {call["call_id"]: call["args"] for call in asking["tool_calls"]}
        return cls(asked, answered.answers[asked.call_id], made.get(asked.call_id, {}))

    @property
    def runs(self) -> bool:
        """Whether its tool runs: also with a no to its server's question."""
        return self.answer.approve or self.asked.question is not None

    @property
    def args(self) -> dict[str, Any]:
        """The arguments with which it runs."""
        if self.asked.question:
            return dict(self.asked.question.args)
        return self.made if self.answer.args is None else self.answer.args

    @property
    def edited(self) -> dict[str, Any] | None:
        """The arguments, if they are not the model's."""
        is_own = self.asked.question is None and self.answer.args is not None
        return self.args if is_own or self.args != self.made else None

    @property
    def request(self) -> ToolRequest:
        question, answer = self.asked.question, self.answer
        replied = Replied(question, answer.approve, answer.args or {}) if question else None
        return ToolRequest(self.asked.call_id, self.asked.name, exact_json.dumps(self.args), replied=replied)
