"""Work that the tools of a turn start outside it: jobs of multi-step tools, and requests to the client."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.events import sse
from app.services import Services
from app.state.tools.client_requests import TooManyOpen, TurnOver
from app.state.tools.step_calls import StepToolCall
from app.state.tools.tool_places import TooManyTools
from app.state.turns.control_messages import FirstStep
from app.state.turns.run_records import Run
from app.telemetry import tracing
from workers.cancellation import ENDED_ELSEWHERE, CancelToken, Stopped
from workers.control_listener import ControlListener
from workers.tools import ClientRequest, ToolError
from workers.tools.runnable import RunnableTool
from workers.turn import ToolRequest


@dataclass(frozen=True)
class TurnTools:
    """The services that the tool calls of one turn need."""

    services: Services
    control: ControlListener
    run: Run

    def begin_steps(self, request: ToolRequest, tool: RunnableTool, token: CancelToken) -> Any:
        """Start a job for the call of a multi-step tool. Returns its first step's result, or `{"error": ...}` when
        none came within AOMI_TOOL_TIMEOUT. Raises `Stopped`; `ToolError` when too many run already."""
        services, call = self.services, self._step_call(request, tool)
        try:
            if not services.step_calls.record(call):
                raise Stopped(ENDED_ELSEWHERE)
        except TooManyTools as full:
            raise ToolError(
                f"{full.most} tools of this {full.holder} run in the background already; wait until one has ended"
            ) from None
        services.jobs.steps(call.session_id, call.run_id, call.call_id)
        first_step = self._first_step(call, token)
        if first_step is None:
            return {"error": f"The tool did not begin within {services.settings.tool_timeout:g} seconds"}
        return first_step[0]

    def _first_step(self, call: StepToolCall, token: CancelToken) -> list[Any] | None:
        """Wait for the first step; returns its result in a list. None when it did not come in time: then the call has
        ended. It has also ended when the turn stops before the first step."""
        calls, timeout = self.services.step_calls, self.services.settings.tool_timeout
        first_step = None
        try:
            message = FirstStep(call.run_id, call.call_id)
            first_step = self.control.wait(message, lambda: calls.first_step(call), timeout, token)
        finally:
            if first_step is None and not calls.withdraw(call):
                first_step = calls.first_step(call)
        return first_step

    def check_running(self) -> None:
        """Raises `Stopped` when the turn has ended. This process may not know yet: it hung, or the stop is on its way
        here."""
        if not self.services.runs.is_running(self.run.session_id, self.run.id):
            raise Stopped(ENDED_ELSEWHERE)

    def report(self, call_id: str, name: str, progress: Any) -> None:
        """Tell the clients that follow the session of the progress of a call, unless the turn has ended."""
        session_id = self.run.session_id
        if self.services.runs.is_running(session_id, self.run.id):
            event = sse.tool_progress(session_id, call_id, name, progress, done=False)
            self.services.sessions.change(session_id, {}, [event])

    def ask_client(self, request: ToolRequest, wanted: ClientRequest) -> dict[str, Any]:
        """Send a request to the client. Returns the tool result for the model at once: the client's reply starts a
        turn of its own. Raises `ToolError` when too many requests are open; `Stopped`."""
        try:
            opened = self.services.client_requests.ask(
                self.run, request.call_id, request.name, wanted.kind, wanted.body
            )
        except TooManyOpen:
            raise ToolError("The user has not answered the requests they have; wait for their answers") from None
        except TurnOver:
            raise Stopped(ENDED_ELSEWHERE) from None
        return {"status": "requested", "id": opened.id}

    def _step_call(self, request: ToolRequest, tool: RunnableTool) -> StepToolCall:
        run = self.run
        return StepToolCall(
            session_id=run.session_id,
            run_id=run.id,
            call_id=request.call_id,
            thread_id=run.thread_id,
            app=run.app,
            name=tool.name,
            args=request.args() or {},
            client=run.principal.client,
            address=run.principal.address,
            api_key_id=run.principal.api_key_id,
            tools=self.services.catalog.tool_digests.get(run.app, ""),
            trace_context={"request": run.trace_context.get("request", ""), **tracing.carrier()},
        )
