"""What workers.thread_worker makes of RQ."""

from __future__ import annotations

import logging
import sys
from types import SimpleNamespace

from redis.exceptions import ConnectionError

from app.telemetry import logs
from workers.thread_worker import ThreadWorker


def test_a_redis_that_is_away_is_one_line_of_rqs_log_and_another_error_a_traceback(caplog):
    log = logging.getLogger("rq.worker")
    for error in (ConnectionError("refused"), KeyError("a bug")):
        try:
            raise error
        except (ConnectionError, KeyError):
            log.error("failed to persist failure of job %s", "run_1", exc_info=sys.exc_info())
    away, bug = caplog.records
    assert away.getMessage() == "failed to persist failure of job run_1: Redis does not answer"
    assert not away.exc_info
    assert bug.exc_info


def test_the_line_of_a_failed_job_has_no_message_of_its_exception(caplog):
    worker = ThreadWorker.__new__(ThreadWorker)
    worker.name, worker.log, worker._exc_handlers = "w", logging.getLogger("rq.worker"), []
    job = SimpleNamespace(id="run_1", func_name="f", args=("0f3a1c52-session",), kwargs={}, origin="turns")
    said = "-".join(["what", "the", "user", "said"])  # tracebacks show lines of code
    try:
        raise RuntimeError(said)
    except RuntimeError:
        worker.handle_exception(job, *sys.exc_info())
    (line,) = [logs.formatter("json").format(record) for record in caplog.records]
    assert "run_1" in line
    assert "RuntimeError" in line
    assert said not in line
    assert "0f3a1c52" not in line
