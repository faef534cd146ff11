"""What a turn began with goes on with it after reloads, for as long as a process has it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from app.catalog import App, Catalog, McpServer
from app.catalog.models import Model
from app.state.reloads import ProcessReport
from app.state.tools.step_calls import StepToolCall
from app.state.turns.run_records import NotKnown
from workers import runtime
from workers.jobs import steps_job, turn_job


def catalog(digest, *apps, model="m", servers=None):
    models = [Model(model_name=model, litellm_params={"model": "demo/assistant"})]
    return Catalog(list(apps), models, mcp_servers=servers or {}, digest=digest)


def app(*tools, name="shop", **more):
    return App(id=name, model="m", tools=tools, **more)


@pytest.fixture
def take(monkeypatch):
    """Makes a worker take a catalog; returns its runtime. `take.reports` are those of other processes."""
    monkeypatch.setattr(runtime, "_installed", [])
    reports = []

    def install(made):
        reloads = SimpleNamespace(heard=lambda: reports)
        known = ([one.id for one in made.apps], [one.model_name for one in made.models])
        services = SimpleNamespace(catalog=made, reloads=reloads)
        runtime.install(SimpleNamespace(services=services, known=known, worker_name="w"))
        return runtime.current()

    install.reports = reports
    return install


def call_of(began):
    return StepToolCall("s", "run_1", "c", "t", "shop", "Watch", {}, tools=began.services.catalog.tool_digests["shop"])


def runs_with(call):
    return steps_job._runtime(call)


def test_a_call_runs_with_the_tools_that_it_began_with_also_when_its_app_is_gone(take):
    began = take(catalog("1", app("tests.support.tools:Countdown", "GetCurrentTime")))
    call = call_of(began)
    take(catalog("2", app("GetCurrentTime")))
    assert runs_with(call) is began
    take(catalog("3", app(name="other")))
    assert runs_with(call) is began


def test_a_change_of_something_else_has_a_call_go_on_with_the_present_catalog(take):
    call = call_of(take(catalog("1", app("GetCurrentTime"))))
    present = take(catalog("2", app("GetCurrentTime", preamble="New.")))
    assert runs_with(call) is present


def test_another_entry_of_an_mcp_server_is_another_tool(take):
    def with_server(digest, url):
        return catalog(digest, app("mcp:files/*"), servers={"files": McpServer(url=url)})

    began = take(with_server("1", "https://one.example"))
    take(with_server("2", "https://two.example"))
    assert runs_with(call_of(began)) is began


def test_a_worker_that_never_had_the_tools_leaves_the_call_to_one_that_has(take, monkeypatch):
    monkeypatch.setattr(steps_job, "can_hand_over", lambda: True)
    call = call_of(take(catalog("1", app("tests.support.tools:Countdown"))))
    runtime._installed.clear()
    present = take(catalog("2", app("GetCurrentTime")))
    take.reports.append(ProcessReport("new", "worker", "2", tools=runtime.tool_digests()))
    assert runs_with(call) is present
    take.reports.append(ProcessReport("old", "worker", "2", tools=[call.tools]))
    assert runs_with(call) is None
    monkeypatch.setattr(steps_job, "can_hand_over", lambda: False)
    assert runs_with(call) is present


def test_a_call_of_an_earlier_version_runs_with_the_present_catalog(take):
    take(catalog("1", app("GetCurrentTime")))
    present = take(catalog("2", app()))
    assert runs_with(StepToolCall("s", "run_1", "c", "t", "shop", "Watch", {})) is present


def test_a_process_keeps_the_last_runtimes_and_one_of_each_file(take):
    for _ in range(3):
        take(catalog("1", app()))
        take(catalog("2", app("GetCurrentTime")))
    assert len(runtime.kept()) == 2
    for number in range(20):
        take(catalog(f"of {number}", app("GetCurrentTime", name=f"app{number}")))
    assert len(runtime.kept()) == 1 + runtime.MAX_FORMER


def test_a_turn_that_was_accepted_before_runs_with_what_knows_its_app_and_model(take, monkeypatch):
    monkeypatch.setattr(turn_job, "can_hand_over", lambda: True)
    began = take(catalog("1", app()))
    present = take(catalog("2", app(name="other"), model="another"))
    claimed = []

    def claim(session_id, run_id, worker, known, queue):
        if known and ("shop" not in known[0] or "m" not in known[1]):
            raise NotKnown
        claimed.append(known)
        return "the turn"

    for one in (began, present):
        one.services.runs = SimpleNamespace(claim=claim)
        one.services.jobs = SimpleNamespace(beside_state=lambda: "the queue")
    assert turn_job._claim("s", "run_1") == (began, "the turn")
    runtime._installed.remove(began)
    with pytest.raises(NotKnown):
        turn_job._claim("s", "run_1")
    monkeypatch.setattr(turn_job, "can_hand_over", lambda: False)
    assert turn_job._claim("s", "run_1") == (present, "the turn")


def test_a_title_is_written_by_the_model_that_was_chosen_for_it(take):
    began = take(catalog("1", app()))
    present = take(catalog("2", app(), model="another"))
    assert (runtime.with_model("m"), runtime.with_model("gone")) == (began, present)
