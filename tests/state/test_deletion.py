"""Deleting a session: nothing of it stays, and nothing comes back."""

from __future__ import annotations

import re

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from rq.executions import Execution, ExecutionRegistry
from rq.job import JobStatus

from app.events import sse
from app.metrics.instruments import Metrics
from app.state import redis_keys, redis_schema
from app.state.accounts.ledger import Ledger
from app.state.accounts.vault import Vault
from app.state.conversation.export import Export
from app.state.scripts import Store
from app.state.tools.client_requests import ClientRequests, TurnOver
from app.state.tools.request_expiry import RequestExpiry
from app.state.tools.step_calls import StepToolCalls
from app.state.uploads.files import Files
from app.turns.erasing import erase
from app.turns.queue import Jobs
from app.turns.rq_queue import open_queue
from app.turns.service import TurnService
from app.turns.usage_recovery import UsageRecovery
from app.usage import ModelCall
from tests.state.conftest import WORDS, Repeated
from tests.support.moments import now
from tests.support.patience import until
from tests.support.remains import standing_in


def erased(sessions, runs, settings, queue):
    jobs = Jobs(queue, settings.failed_job_ttl)
    billing = UsageRecovery(runs, Ledger(sessions._store), sessions._store.clock, settings.lease)
    erase(sessions, TurnService(runs, jobs, Metrics(now)), billing, jobs, Files(sessions._store), "s")


def test_every_kind_of_key_of_a_session_is_there_before_and_gone_after(
    full, sessions, runs, connection, queue, settings
):
    mine = [key for key in redis_schema.SCHEMA if key.pattern.startswith(redis_keys.session("<id>"))]
    patterns = [re.sub(r"<\w+>", "[^:]+", re.escape(key.pattern).replace("<id>", "s", 1)) for key in mine]
    patterns = [pattern.replace("call:[^:]+:[^:]+", "call:[^:]+:.+") for pattern in patterns]
    names = [name.decode() for name in connection.scan_iter("session:{s}*")]
    assert [pattern for pattern in patterns if not any(re.fullmatch(pattern, name) for name in names)] == []
    erased(sessions, runs, settings, queue)
    assert standing_in(connection, "{s}", "s 1", WORDS, "0xabc", "0xfeed", "digest-of-a-client", full[0].id) == []


@pytest.mark.parametrize("delete_sent_twice", [False, True])
def test_no_other_session_is_touched(full, sessions, runs, connection, settings, said, delete_sent_twice):
    runs.start("s2", said("other words"))
    before = standing_in(connection, "{s2}", "s2 run")
    if delete_sent_twice:
        sessions._store = Repeated(connection, settings)
    sessions.delete("s")
    assert standing_in(connection, "{s2}", "s2 run") == before
    assert standing_in(connection, "{s}", WORDS, "0xabc") == []


def test_a_late_worker_writes_nothing_back(full, sessions, runs, store, connection, queue, settings):
    run, call = full
    erased(sessions, runs, settings, queue)
    calls, requests = StepToolCalls(store), ClientRequests(store)
    assert runs.append([("s", run.id, 2, [sse.text("late")])]) == [False]
    assert not calls.record(call)
    calls.set_first_step(call, "late")
    assert not calls.deliver(call, 2, "late", True)
    calls.finish(call)
    with pytest.raises(TurnOver):
        requests.ask(run, "c4", "Ask", "kind", {})
    RequestExpiry(store).handle("s", 9)
    sessions.suggest_title("s", run.thread_id, "late")
    sessions.open_thread("s", "late")
    sessions.set_public_key("s", "0xabc")
    assert runs.claim("s", run.id, "worker") is None
    assert runs.seal("s", run.id, "complete", expect={"running"}) is None
    assert runs.settle(run, sse.complete()) is None
    runs.leases.renew("s", run.id)
    late = ModelCall("2", "2026-11-24", "key1", "default", "demo", 10, None)
    Ledger(store).open("s", run.id, late)
    Ledger(store).settle("s", run.id, late.estimated(0))
    assert [name for name in connection.scan_iter() if not name.startswith((b"rq:", b"usage:{key1}:", b"user:"))] == []


def test_a_turn_that_begins_while_its_session_is_deleted_leaves_nothing_and_is_told_to_stop(
    full, sessions, runs, connection, settings, said, subscribe
):
    listener = subscribe(redis_keys.CONTROL)
    sessions.delete("s")  # without ending its turns, as if this one had begun after that
    heard: set[str] = set()

    def hear() -> set[str]:
        if message := listener.get_message(timeout=1):
            heard.add(message["data"].decode())
        return heard

    work = {full[0].id, f"steps {full[0].id} c:1", f"title {full[0].thread_id}"}
    until(lambda: {f"drop {name}" for name in work} <= hear(), what="the messages")
    assert connection.zcard(redis_keys.LEASES) == 0


def test_the_index_forgets_what_is_gone_by_itself(runs, connection, store, said):
    runs.start("s", said())
    connection.zadd(redis_keys.kept("s"), {"run:run_long_ago": 1000})
    runs.start("s", said())
    assert b"run:run_long_ago" not in connection.zrange(redis_keys.kept("s"), 0, -1)
    assert 0 < connection.ttl(redis_keys.kept("s")) <= 2 * store.settings.session_ttl + 1


def test_deleting_costs_by_what_the_session_has_not_by_what_redis_has(full, sessions, connection, monkeypatch):
    def scan(*args, **more):
        raise AssertionError("a look at all keys")

    monkeypatch.setattr(type(connection), "scan_iter", scan)
    monkeypatch.setattr(type(connection), "keys", scan)
    sessions.delete("s")
    assert sessions.get("s") is None


def test_an_export_holds_every_value_of_every_key_of_the_session(full, store, connection):
    exported = Export(store).session("s")
    assert exported["fields"]["user_state"] == {"address": "0xfeed"}
    assert exported["client"] == "digest-of-a-client"
    assert [thread["title"] for thread in exported["threads"]] == [WORDS, "Other"]
    assert [message["content"] for message in exported["threads"][0]["messages"]] == [WORDS, "another answer"]
    assert WORDS in str(exported["threads"][0]["feedback"])
    (branch,) = exported["threads"][0]["branches"]
    assert [message["content"] for message in branch["messages"]] == [WORDS, "an answer"]
    assert exported["threads"][0]["message_ids"]['id:"an id"'] == f'"{branch["messages"][0]["id"]}"'
    assert len(exported["turns"]) == 4
    running = next(turn for turn in exported["turns"] if turn["id"] == full[0].id)
    assert running["log"] == [{"type": "text", "content": "an answer"}]
    assert (running["message"]["content"], exported["waiting"]) == (WORDS, [exported["turns"][-1]["id"]])
    assert exported["fields"]["request:2"]["body"] == exported["mailbox"][0]["request"] == {"what": WORDS}
    assert [event["id"] for event in exported["fetched"]] == [1]
    assert (exported["calls"][0]["args"], exported["calls"][0]["first"]) == ({"a": WORDS}, "first")
    assert exported["sent"][0]["run"] in [turn["id"] for turn in exported["turns"]]
    assert exported["updates"][-1]["type"] == "state"


def test_an_export_of_nobody_is_none(store):
    assert Export(store).session("nobody") is None


def test_what_a_client_entrusted_is_exported_by_name_alone_and_forgotten_whole(connection, settings):
    store = Store(connection, settings.model_copy(update={"encryption_key": SecretStr(Fernet.generate_key().decode())}))
    vault = Vault(store)
    vault.save_provider_key("c", "openai", "sk-0123456789-0123456789", "mine")
    vault.save_secrets("c", {"TOKEN": "the value"})
    exported = Export(store).client("c")
    assert exported["provider_keys"] == {"openai": {"key_prefix": "sk-0123", "label": "mine"}}
    assert exported["secrets"] == ["TOKEN"]
    Vault(Store(connection, settings)).forget("c")  # also where the key to them is gone
    assert list(connection.scan_iter()) == []


def execute(job, queue):
    """As a worker that has died records the start of a job."""
    execution = Execution("execution", job.id, queue.connection, "worker")
    with queue.connection.pipeline() as pipeline:
        execution.save(60, pipeline)
        ExecutionRegistry(job.id, connection=pipeline).add(execution, 60, pipeline)
        queue.started_job_registry.add_execution(execution, pipeline, 60)
        pipeline.execute()


@pytest.mark.parametrize("lane", ["turns", "background"])
@pytest.mark.parametrize("status", [JobStatus.QUEUED, JobStatus.FAILED, JobStatus.STARTED])
def test_the_jobs_of_a_session_go_along(full, sessions, runs, connection, queue, settings, lane, status):
    """Those that wait, those that failed, and those that a dead worker left."""
    run, call = full
    jobs = Jobs(queue, settings.failed_job_ttl)
    if lane == "turns":
        jobs.turn("s", run.id)
    else:
        jobs.steps("s", run.id, call.call_id)
        jobs.title("s", run.id, run.thread_id, "model")
    for job in open_queue(lane, queue).jobs:
        job.set_status(status)
        if status == JobStatus.FAILED:
            open_queue(lane, queue).failed_job_registry.add(job, ttl=60)
        if status == JobStatus.STARTED:
            execute(job, open_queue(lane, queue))
    erased(sessions, runs, settings, queue)
    assert standing_in(connection, "{s}", '"s"', WORDS, run.id, run.thread_id) == []
    assert standing_in(queue, "{s}", '"s"', WORDS, run.id, run.thread_id) == []
