"""The composition root: every part that web and worker processes share, made in one place and passed down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app import catalog
from app.catalog import Catalog
from app.config import Settings
from app.live.hub import Hub
from app.metrics.instruments import Metrics
from app.metrics.reporter import Reporter
from app.state.api_keys import ApiKeys
from app.state.client_requests import ClientRequests
from app.state.connection import clients
from app.state.connection.store import Store
from app.state.counters import Counters
from app.state.ledger import Ledger
from app.state.rates import Rates
from app.state.runs import RunStore
from app.state.sessions import Sessions
from app.state.step_calls import StepToolCalls
from app.state.vault import Vault
from app.turns.queue import Jobs
from app.turns.service import TurnService
from app.turns.usage_recovery import UsageRecovery


@dataclass(frozen=True)
class Services:
    """The parts of the backend that web and workers share."""

    settings: Settings
    catalog: Catalog
    sessions: Sessions
    runs: RunStore
    calls: StepToolCalls
    client_requests: ClientRequests
    ledger: Ledger
    billing: UsageRecovery
    vault: Vault
    api_keys: ApiKeys
    rates: Rates
    jobs: Jobs
    turns: TurnService
    hub: Hub
    metrics: Metrics
    counters: Counters
    reporter: Reporter


def build(settings: Settings, commands: Any = None, listening: Any = None, queue: Any = None) -> Services:
    """The parts on the Redis of the settings, or on the given clients. Nothing connects before it is used.

    Raises `ConfigError` when aomi.yaml is wrong.
    """
    redis = commands or clients.commands(settings)
    store = Store(redis, settings)
    runs, ledger = RunStore(store), Ledger(store)
    jobs = Jobs(queue or clients.queue(settings, redis), settings.failed_job_ttl)
    metrics, counters = Metrics(), Counters(store)
    return Services(
        settings=settings,
        catalog=catalog.load(settings.config),
        sessions=Sessions(store),
        runs=runs,
        calls=StepToolCalls(store),
        client_requests=ClientRequests(store),
        ledger=ledger,
        billing=UsageRecovery(runs, ledger, settings.lease),
        vault=Vault(store),
        api_keys=ApiKeys(store),
        rates=Rates(store),
        jobs=jobs,
        turns=TurnService(runs, jobs, metrics),
        hub=Hub(listening or clients.listening(settings), metrics.relayed),
        metrics=metrics,
        counters=counters,
        reporter=Reporter(metrics, counters, settings.metrics_interval if settings.metrics else None),
    )
