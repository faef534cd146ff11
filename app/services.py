"""The composition root: every part that web and worker processes share, made in one place and passed down."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from app import catalog
from app.catalog import Catalog
from app.chain.simulation import Simulator
from app.config import Settings
from app.live.hub import Hub
from app.metrics.instruments import Metrics
from app.metrics.reporter import Reporter
from app.state.api_keys import ApiKeys
from app.state.branches import Branches
from app.state.client_requests import ClientRequests
from app.state.clock import RedisClock
from app.state.connection import clients
from app.state.connection.pubsub import PubSubListener
from app.state.counters import Counters
from app.state.files import Files
from app.state.leases import RunningTurn
from app.state.ledger import Ledger
from app.state.model_abilities import ModelAbilities
from app.state.passes import Passes
from app.state.rates import Rates
from app.state.request_expiry import RequestExpiry
from app.state.runs import RunStore
from app.state.scripts import Store
from app.state.sessions import Sessions
from app.state.step_calls import StepToolCalls
from app.state.vault import Vault
from app.state.write_check import WriteCheck
from app.turns.client_replies import ClientReplies
from app.turns.lost_turns import LostTurns
from app.turns.queue import Jobs
from app.turns.reaper import Duty, Reaper, no_turns
from app.turns.service import TurnService
from app.turns.stored_files import StoredFiles
from app.turns.usage_recovery import UsageRecovery
from app.turns.wake_ups import WakeUps


@dataclass(frozen=True)
class Services:
    """The parts of the backend that web and worker processes share."""

    settings: Settings
    catalog: Catalog
    clock: RedisClock
    sessions: Sessions
    runs: RunStore
    branches: Branches
    files: Files
    step_calls: StepToolCalls
    client_requests: ClientRequests
    ledger: Ledger
    usage_recovery: UsageRecovery
    vault: Vault
    model_abilities: ModelAbilities
    api_keys: ApiKeys
    rates: Rates
    jobs: Jobs
    write_check: WriteCheck
    turns: TurnService
    client_replies: ClientReplies
    passes: Passes
    duties: tuple[Duty, ...]
    hub: Hub
    metrics: Metrics
    counters: Counters
    reporter: Reporter
    simulator: Simulator | None

    def reaper(self, running: Callable[[], Iterable[RunningTurn]] = no_turns) -> Reaper:
        """A reaper for this process, not started. `running` returns the turns that the process runs."""
        return Reaper(self.runs.leases, self.passes, self.duties, running)


def build(settings: Settings, commands: Any = None, listening: Any = None, queue: Any = None) -> Services:
    """The parts on the Redis of the settings, or on the given clients. Nothing connects before its first use.

    Raises `ConfigError` when aomi.yaml is wrong.
    """
    redis = commands or clients.commands(settings)
    store, apps = Store(redis, settings), catalog.load(settings.config)
    sessions, runs, ledger = Sessions(store), RunStore(store), Ledger(store)
    metrics, counters = Metrics(store.clock.now), Counters(store)
    queue = queue or clients.queue(settings, redis)
    jobs = Jobs(queue, settings.failed_job_ttl)
    calls, keys, files = StepToolCalls(store), ApiKeys(store), Files(store)
    turns, usage = TurnService(runs, jobs, metrics), UsageRecovery(runs, ledger, store.clock, settings.lease)
    return Services(
        settings=settings,
        catalog=apps,
        clock=store.clock,
        sessions=sessions,
        runs=runs,
        branches=Branches(store),
        files=files,
        step_calls=calls,
        client_requests=ClientRequests(store),
        ledger=ledger,
        usage_recovery=usage,
        vault=Vault(store),
        model_abilities=ModelAbilities(store),
        api_keys=keys,
        rates=Rates(store),
        jobs=jobs,
        write_check=WriteCheck(redis, queue, jobs.a_sorted_set),
        turns=turns,
        client_replies=ClientReplies(turns, sessions, apps, keys),
        passes=Passes(store),
        duties=(
            RequestExpiry(store),
            usage,
            LostTurns(runs, turns, jobs, usage),
            WakeUps(calls, jobs),
            StoredFiles(files),
        ),
        hub=Hub(PubSubListener(listening or clients.listening(settings), settings.redis_prefix), metrics.relayed),
        metrics=metrics,
        counters=counters,
        reporter=Reporter(metrics, counters, settings.metrics_interval if settings.metrics else None),
        simulator=_simulator(settings),
    )


def _simulator(settings: Settings) -> Simulator | None:
    """None where the operator has no node."""
    urls = settings.chain_urls
    return Simulator(urls, settings.simulation_timeout, settings.max_simulations) if urls else None
