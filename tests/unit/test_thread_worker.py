"""What workers.thread_worker makes of RQ."""

from __future__ import annotations

import logging
import sys

from redis.exceptions import ConnectionError

from workers import thread_worker  # noqa: F401  (it sets the filter)


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
