"""The jobs on the queue. RQ calls each by its dotted name, such as `workers.jobs.run_turn`, which is part of every
queued job (docs/redis.md): the names here must stay."""

from __future__ import annotations

from workers.jobs.compaction_job import compact_history
from workers.jobs.steps_job import run_steps
from workers.jobs.title_job import suggest_title
from workers.jobs.turn_job import run_turn

__all__ = ["compact_history", "run_steps", "run_turn", "suggest_title"]
