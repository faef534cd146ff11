"""What may befall the site."""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

from tests.chaos.site import ALIVE, Site
from tests.support.backend import Process, free_port, until
from tests.support.engines import Watched


def kill_worker(site: Site, rng: random.Random) -> None:
    worker = rng.choice(site.ready_workers())
    site.stricken[worker.pid] = time.monotonic()
    worker.kill()
    site.replace_worker(worker)


def stop_worker(site: Site, rng: random.Random) -> None:
    worker = rng.choice(site.ready_workers())
    worker.send(signal.SIGTERM)
    site.replace_worker(worker)


def freeze_worker(site: Site, rng: random.Random) -> None:
    """For longer than its leases last: it comes back late, and must not overwrite what was ended meanwhile."""
    worker = rng.choice(site.ready_workers())
    site.stricken[worker.pid] = time.monotonic()
    worker.send(signal.SIGSTOP)
    time.sleep(float(site._backend.environment["AOMI_LEASE"]) * 1.5)
    worker.send(signal.SIGCONT)


def kill_web(site: Site, rng: random.Random) -> None:
    site.replace_web(rng, Process.kill)


def stop_web(site: Site, rng: random.Random) -> None:
    site.replace_web(rng, lambda process: process.send(signal.SIGTERM))


def crash_web(site: Site, rng: random.Random) -> None:
    """gunicorn's worker dies; its master starts another one on the same port."""
    for child in site.any_web(rng).children():
        child.kill()


def drop_pubsub(site: Site, rng: random.Random) -> None:
    with site.store() as store:
        store.client_kill_filter(_type="pubsub")


def drop_connections(site: Site, rng: random.Random) -> None:
    with site.store() as store:
        store.client_kill_filter(_type="normal", skipme=True)


def restart_redis(site: Site, rng: random.Random) -> None:
    site.redis.stop(rng.choice([signal.SIGTERM, signal.SIGKILL]))
    time.sleep(rng.uniform(0, 1.5))
    site.redis.start()


def freeze_redis(site: Site, rng: random.Random) -> None:
    site.redis.process.send_signal(signal.SIGSTOP)
    time.sleep(rng.uniform(0.2, 2))
    site.redis.process.send_signal(signal.SIGCONT)


def hold_up_redis(site: Site, rng: random.Random) -> None:
    """It answers nobody for a while."""
    with site.store() as store:
        store.client_pause(rng.randrange(100, 1500))


def keep_redis_busy(site: Site, rng: random.Random) -> None:
    """Somebody's script does not end: everything else is told BUSY."""
    with site.store() as store, site.store() as stopper:
        store.config_set("busy-reply-threshold", 50)
        endless = threading.Thread(target=_run_endless_script, args=(store,))
        endless.start()
        time.sleep(rng.uniform(0.2, 2))
        while endless.is_alive():
            _kill_script(stopper)
            endless.join(0.05)


def _run_endless_script(store) -> None:
    with suppress(RedisError):  # it was killed, or Redis was restarted meanwhile
        store.eval("while true do end", 0)


def _kill_script(store) -> None:
    with suppress(RedisError):  # it has just ended
        store.script_kill()


def fill_redis(site: Site, rng: random.Random) -> None:
    """Its memory is full."""
    with _set(site, "maxmemory", 1, 0):
        time.sleep(rng.uniform(0.2, 2))


def leave_redis_without_replicas(site: Site, rng: random.Random) -> None:
    """It takes no writes without one."""
    with _set(site, "min-replicas-to-write", 1, 0):
        time.sleep(rng.uniform(0.2, 2))


def demote_redis(site: Site, rng: random.Random) -> None:
    """It becomes the replica of a master that is away, and the master again."""
    with site.store() as store:
        store.replicaof("127.0.0.1", free_port())
        time.sleep(rng.uniform(0.1, 1))
        store.replicaof("NO", "ONE")


def fail_over(site: Site, rng: random.Random) -> None:
    """The replica becomes the master, as an operator asks for before maintenance: once it has all the data."""
    old = site.redis.master
    until(site.redis.is_followed, 60, "a replica that has all the data")
    until(lambda: _accepted(site.redis.fail_over), 60, "a Sentinel that begins a failover")
    until(lambda: site.redis.master is not old, 60, "another master")


def _accepted(command: Callable[[], None]) -> bool:
    try:
        command()
    except ResponseError:  # it does not know yet that the replica is fit
        return False
    return True


@contextmanager
def _set(site: Site, name: str, value: int, before: int) -> Iterator[None]:
    with site.store() as store:
        store.config_set(name, value)
        yield
        store.config_set(name, before)


FAULTS_ANYWHERE = {
    kill_worker: 4,
    stop_worker: 2,
    freeze_worker: 1,
    kill_web: 2,
    stop_web: 2,
    crash_web: 2,
    drop_pubsub: 4,
    drop_connections: 3,
    hold_up_redis: 2,
}
"""How often each happens, beside the others."""

FAULTS_OF_ONE_REDIS = {
    restart_redis: 3,
    freeze_redis: 2,
    keep_redis_busy: 2,
    fill_redis: 2,
    leave_redis_without_replicas: 1,
    demote_redis: 2,
}

FAULTS_OF_A_WATCHED_REDIS = {fail_over: 6}

OF_WORKERS = (kill_worker, stop_worker, freeze_worker)


def misfortune(site: Site, rng: random.Random, done: Counter[str]) -> None:
    """Let one thing go wrong; a worker is struck only when the others are at work, as else no turn would go on."""
    of_redis = FAULTS_OF_A_WATCHED_REDIS if isinstance(site.redis, Watched) else FAULTS_OF_ONE_REDIS
    possible = {
        fault: weight
        for fault, weight in (FAULTS_ANYWHERE | of_redis).items()
        if len(site.ready_workers()) == ALIVE or fault not in OF_WORKERS
    }
    (fault,) = rng.choices(list(possible), list(possible.values()))
    with suppress(RedisConnectionError):  # it still comes back from the fault before
        fault(site, rng)
    site.misfortunes += 1
    done[fault.__name__.replace("_", " ")] += 1
