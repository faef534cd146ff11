"""The composition root: every part that web and worker processes share, made in one place and passed down."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from app import catalog
from app.catalog import Catalog
from app.catalog.present import PresentCatalog
from app.chain.simulation import Simulator
from app.config import Settings
from app.live.hub import Hub
from app.metrics.instruments import Metrics
from app.metrics.reporter import Reporter
from app.state.accounts.api_keys import ApiKeys
from app.state.accounts.counters import Counters
from app.state.accounts.ledger import Ledger
from app.state.accounts.owners import Owners
from app.state.accounts.rates import Rates
from app.state.accounts.tickets import Tickets
from app.state.accounts.vault import Vault
from app.state.clock import RedisClock
from app.state.connection import clients
from app.state.connection.hub_listener import hub_listener
from app.state.conversation.branches import Branches
from app.state.conversation.feedback import FeedbackStore
from app.state.model_abilities import ModelAbilities
from app.state.passes import Passes
from app.state.reloads import Reloads
from app.state.responses.imports import Imports
from app.state.responses.public_ids import PublicIds
from app.state.responses.temporary_sessions import TemporarySessions
from app.state.scripts import Store
from app.state.sessions import Sessions
from app.state.tools.client_requests import ClientRequests
from app.state.tools.request_expiry import RequestExpiry
from app.state.tools.step_calls import StepToolCalls
from app.state.turns.leases import RunningTurn
from app.state.turns.runs import RunStore
from app.state.uploads.files import Files
from app.state.webhooks.deliveries import Deliveries
from app.state.write_check import WriteCheck
from app.tokens.verifier import Verifier
from app.turns.call_answers import AnswerRequests
from app.turns.client_replies import ClientReplies
from app.turns.erasing import erase
from app.turns.lost_turns import LostTurns
from app.turns.queue import Jobs
from app.turns.reaper import Duty, Reaper, no_turns
from app.turns.service import TurnService
from app.turns.stored_files import StoredFiles
from app.turns.temporary_sessions import TemporarySessionErasure
from app.turns.usage_recovery import UsageRecovery
from app.turns.wake_ups import WakeUps


@dataclass(frozen=True)
class Services:
    """The parts of the backend that web and worker processes share. `erase` erases a session (`turns.erasing`)."""

    settings: Settings
    catalog: Catalog
    present: PresentCatalog
    clock: RedisClock
    sessions: Sessions
    runs: RunStore
    branches: Branches
    feedback: FeedbackStore
    files: Files
    public_ids: PublicIds
    imports: Imports
    temporary_sessions: TemporarySessions
    erase: Callable[[str], None]
    step_calls: StepToolCalls
    client_requests: ClientRequests
    ledger: Ledger
    usage_recovery: UsageRecovery
    vault: Vault
    model_abilities: ModelAbilities
    api_keys: ApiKeys
    tokens: Verifier
    owners: Owners
    tickets: Tickets
    rates: Rates
    jobs: Jobs
    write_check: WriteCheck
    turns: TurnService
    client_replies: ClientReplies
    call_answers: AnswerRequests
    webhooks: Deliveries
    passes: Passes
    duties: tuple[Duty, ...]
    hub: Hub
    metrics: Metrics
    counters: Counters
    reporter: Reporter
    simulator: Simulator | None
    reloads: Reloads

    def with_catalog(self, catalog: Catalog) -> Services:
        """The same parts with other apps and models."""
        return replace(
            self,
            catalog=catalog,
            client_replies=self.client_replies.with_catalog(catalog),
            call_answers=replace(self.call_answers, catalog=catalog),
        )

    def reaper(self, running: Callable[[], Iterable[RunningTurn]] = no_turns) -> Reaper:
        """A reaper for this process, not started. `running` returns the turns that the process runs."""
        return Reaper(self.runs.leases, self.passes, self.duties, running)


def build(settings: Settings, commands: Any = None, listening: Any = None, queue: Any = None) -> Services:
    """The parts on the Redis of the settings, or on the given clients. Nothing connects before its first use.

    Raises `ConfigError` when aomi.yaml is wrong.
    """
    redis = commands or clients.commands(settings)
    store, apps = Store(redis, settings), catalog.load(settings.config)
    present = PresentCatalog(apps)
    sessions, runs, ledger = Sessions(store), RunStore(store, present.webhook_of), Ledger(store)
    metrics, counters = Metrics(store.clock.now), Counters(store)
    queue = queue or clients.queue(settings, redis)
    jobs = Jobs(queue, settings.failed_job_ttl, redis)
    calls, keys, files = StepToolCalls(store, present.webhook_of), ApiKeys(store), Files(store)
    ids = PublicIds(store)
    turns, usage = TurnService(runs, jobs, metrics), UsageRecovery(runs, ledger, store.clock, settings.lease)
    temporary, erasing = TemporarySessions(store), partial(erase, sessions, turns, usage, jobs, files)
    return Services(
        settings=settings,
        catalog=apps,
        present=present,
        clock=store.clock,
        sessions=sessions,
        runs=runs,
        branches=Branches(store),
        feedback=FeedbackStore(store, present.webhook_of),
        files=files,
        public_ids=ids,
        imports=Imports(store),
        temporary_sessions=temporary,
        erase=erasing,
        step_calls=calls,
        client_requests=ClientRequests(store),
        ledger=ledger,
        usage_recovery=usage,
        vault=Vault(store),
        model_abilities=ModelAbilities(store),
        api_keys=keys,
        tokens=Verifier(settings),
        owners=Owners(store),
        tickets=Tickets(ids, store.clock, settings.ticket_ttl),
        rates=Rates(store),
        jobs=jobs,
        write_check=WriteCheck(redis, queue, jobs.a_sorted_set),
        turns=turns,
        client_replies=ClientReplies(turns, sessions, apps, keys),
        call_answers=AnswerRequests(runs.open_calls, sessions, apps),
        webhooks=Deliveries(store),
        passes=Passes(store),
        duties=(
            RequestExpiry(store),
            usage,
            LostTurns(runs, turns, jobs, usage),
            WakeUps(calls, jobs),
            StoredFiles(files),
            TemporarySessionErasure(temporary, erasing),
            runs.open_calls,
        ),
        hub=Hub(hub_listener(settings, listening), metrics.relayed),
        metrics=metrics,
        counters=counters,
        reporter=Reporter(metrics, counters, settings.metrics_interval if settings.metrics else None),
        simulator=_simulator(settings),
        reloads=Reloads(store),
    )


def _simulator(settings: Settings) -> Simulator | None:
    """None where the operator has no node."""
    urls = settings.chain_urls
    return Simulator(urls, settings.simulation_timeout, settings.max_simulations) if urls else None
