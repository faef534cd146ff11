"""The job of a title, whose session may be deleted at any moment."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import fakeredis
import pytest

import workers.runtime
from app.config import Settings
from app.services import build
from app.state.turns.control_messages import title_work
from app.state.turns.turn_requests import TurnRequest
from workers.cancellation import DROPPED, CancelRegistry
from workers.jobs import title_job

ROOT = Path(__file__).parents[2]


class Titler:
    """A model that writes titles, and remembers that it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def stream(self, request, observer, token):
        token.check()
        on_end = observer.on_start(SimpleNamespace(model="demo", prompt=1, prices=None, own_key=False))
        self.asked.append(request.conversation.messages[0]["content"])
        on_end(lambda: None)
        return SimpleNamespace(text="A Title", usage=None)


@pytest.fixture
def runtime(monkeypatch):
    """What jobs run in, on a Redis that is a fake, with a message that has been accepted."""
    redis = fakeredis.FakeRedis(server=fakeredis.FakeServer(), lua_modules=set())
    services = build(Settings(_env_file=None, config=ROOT / "aomi.yaml"), redis, redis, redis)
    settler = SimpleNamespace(put=lambda *_: None)
    made = SimpleNamespace(
        services=services, cancel_tokens=CancelRegistry(), models=Titler(), usage_settler=settler, redis=redis
    )
    monkeypatch.setattr(workers.runtime, "_installed", [made])
    made.turn = services.runs.start("s", TurnRequest(text="hello", app="default", model="demo/assistant"))
    return made


def title(runtime) -> str:
    return runtime.services.sessions.thread("s", runtime.turn.thread_id).get("title", "")


@pytest.mark.parametrize("args", [(), ("the message, which jobs of an earlier version have",)])
def test_a_thread_gets_the_title_that_its_first_message_suggests(runtime, args):
    title_job.suggest_title("s", runtime.turn.run_id, "demo", *args)
    assert (runtime.models.asked, title(runtime)) == (["hello"], "A Title")


@pytest.mark.parametrize("deleted", ["session", "thread"])
def test_no_model_is_asked_for_the_title_of_what_was_deleted(runtime, deleted):
    sessions = runtime.services.sessions
    sessions.delete("s") if deleted == "session" else sessions.delete_thread("s", runtime.turn.thread_id)
    title_job.suggest_title("s", runtime.turn.run_id, "demo")
    assert runtime.models.asked == []


@pytest.mark.parametrize("told", [True, False])
def test_no_model_is_asked_when_the_session_goes_while_the_job_begins(runtime, monkeypatch, told):
    """Whether or not the message that the work is to be dropped arrives."""
    claim_title = runtime.services.runs.claim_title

    def claimed(session_id, run_id):
        run = claim_title(session_id, run_id)
        runtime.services.sessions.delete("s")
        if told:
            runtime.cancel_tokens.cancel(title_work(run.thread_id), DROPPED)
        return run

    monkeypatch.setattr(runtime.services.runs, "claim_title", claimed)
    title_job.suggest_title("s", runtime.turn.run_id, "demo")
    assert runtime.models.asked == []
    assert [name for name in runtime.redis.scan_iter() if b"{s}" in name] == []


def test_a_job_for_a_title_holds_ids_alone(runtime):
    runtime.services.jobs.title("s", runtime.turn.run_id, runtime.turn.thread_id, "demo")
    (job,) = runtime.redis.scan_iter("rq:job:*")
    assert b"hello" not in b"".join(runtime.redis.hgetall(job).values())
