"""The bytes that a token costs on the bus of a Redis Cluster, published to all nodes or in shards.

`python -m benchmarks.cluster_bus` starts three masters, then three masters with a replica each, on the loopback, and
appends one token a call with the backend's own scripts while one process listens to every turn. Messages are counted by
the nodes (`CLUSTER INFO`), bytes by the kernel (`ss`, both ends of each connection of the bus), less those of as long a
time without tokens: nodes always talk to each other.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from redis import Redis
from redis.exceptions import RedisError

from app.config import Settings
from app.events import sse
from app.state import redis_keys
from app.state.connection import clients
from app.state.connection.hub_listener import hub_listener
from app.state.scripts import Store
from app.state.turns.run_records import EventBatch, Run
from app.state.turns.runs import RunStore
from app.state.turns.turn_requests import TurnRequest
from benchmarks.processes import free_port

Way = Literal["classic", "sharded"]

SESSIONS, TOKENS = 30, 100
SLOTS = 16384
SECONDS = 30.0
"""How long nodes may take to become a cluster."""
SETTLE = 0.5
"""Seconds in which the last messages arrive."""


class Nodes:
    """Three masters, each with so many replicas."""

    def __init__(self, folder: Path, replicas: int) -> None:
        self.ports = [free_port() for _ in range(3 + 3 * replicas)]
        self.buses = [free_port() for _ in self.ports]
        self._processes = [self._start(folder, *pair) for pair in zip(self.ports, self.buses, strict=True)]
        self.clients = [Redis(port=port) for port in self.ports]
        _await(lambda: all(map(_answers, self.clients)))
        self._meet()
        names = [one.execute_command("CLUSTER MYID") for one in self.clients]
        for number, one in enumerate(self.clients[3:]):
            one.execute_command("CLUSTER REPLICATE", names[number % 3])
        _await(lambda: all(_info(one)["cluster_state"] == "ok" for one in self.clients))

    def messages(self) -> int:
        """Messages that were published on the bus so far."""
        kinds = ("publish", "publishshard")
        names = [f"cluster_stats_messages_{kind}_sent" for kind in kinds]
        return sum(int(_info(one).get(name, 0)) for one in self.clients for name in names)

    def sent(self) -> int:
        """Bytes that were sent on the bus so far."""
        ports = " or ".join(f"sport = :{bus} or dport = :{bus}" for bus in self.buses)
        command = [_program("ss"), "-tinH", "state", "established", f"( {ports} )"]
        shown = subprocess.run(command, capture_output=True, text=True, check=True)
        return sum(map(int, re.findall(r"bytes_sent:(\d+)", shown.stdout)))

    def stop(self) -> None:
        """End all of them."""
        for process in self._processes:
            process.kill()
            process.wait()

    def _start(self, folder: Path, port: int, bus: int) -> subprocess.Popen[bytes]:
        home = folder / str(port)
        home.mkdir()
        options = {
            "port": port,
            "cluster-enabled": "yes",
            "cluster-port": bus,
            "dir": home,
            "save": "",
            "bind": "127.0.0.1",
        }
        options |= {"repl-diskless-sync-delay": 0, "daemonize": "no"}
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        return subprocess.Popen([_program("redis-server"), *words], stdout=subprocess.DEVNULL)

    def _meet(self) -> None:
        for number, one in enumerate(self.clients):
            one.execute_command("CLUSTER SET-CONFIG-EPOCH", number + 1)
            one.execute_command("CLUSTER MEET", "127.0.0.1", self.ports[0], self.buses[0])
        bounds = [number * SLOTS // 3 for number in range(4)]
        for one, first, end in zip(self.clients[:3], bounds[:-1], bounds[1:], strict=True):
            one.execute_command("CLUSTER ADDSLOTSRANGE", first, end - 1)
        everyone = len(self.clients)
        _await(lambda: all(int(_info(one)["cluster_known_nodes"]) == everyone for one in self.clients))


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise FileNotFoundError(f"This measurement needs the program {name}")
    return found


def _await(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the nodes have not become a cluster")
        time.sleep(0.05)


def _answers(client: Redis) -> bool:
    try:
        return bool(client.ping())
    except RedisError:
        return False


def _info(client: Redis) -> dict[str, str]:
    found: dict[str, str] = client.execute_command("CLUSTER INFO")
    return found


@contextmanager
def cluster(replicas: int) -> Iterator[Nodes]:
    """Nodes, ended afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="aomi-bench-"))
    nodes = Nodes(folder, replicas)
    try:
        yield nodes
    finally:
        nodes.stop()
        shutil.rmtree(folder, ignore_errors=True)


def measure(nodes: Nodes, way: Way) -> tuple[float, float, float]:
    """Messages and bytes on the bus for a token, and the share of tokens that the listener got."""
    url = "redis+cluster://" + ",".join(f"127.0.0.1:{port}" for port in nodes.ports)
    settings = Settings(REDIS_URL=url, queue_redis_url="redis://none", cluster_pubsub=way)
    runs, heard, listener = RunStore(Store(clients.commands(settings), settings)), [0], hub_listener(settings)

    def on_message(_channel: str, _payload: bytes) -> None:
        heard[0] += 1

    turns, tokens = [_turn(runs, f"{way}{number}") for number in range(SESSIONS)], SESSIONS * TOKENS
    listener.start(on_message, lambda: None)
    try:
        for one in turns:
            listener.subscribe(redis_keys.log(one.session_id, one.id))
        messages, sent = _on_bus(nodes, lambda: _append(runs, turns))
    finally:
        listener.stop()
    return messages / tokens, sent / tokens, heard[0] / tokens


def _turn(runs: RunStore, session_id: str) -> Run:
    run = runs.claim(session_id, runs.start(session_id, TurnRequest("hello", "default", "demo")).run_id, "bench")
    if run is None:
        raise RuntimeError("the turn could not be claimed")
    return run


def _append(runs: RunStore, turns: list[Run]) -> None:
    for batch in range(TOKENS):
        runs.append([EventBatch(one.session_id, one.id, batch + 1, [sse.text("token ")], batch) for one in turns])


def _on_bus(nodes: Nodes, work: Callable[[], None]) -> tuple[int, int]:
    """The messages and bytes on the bus of some work."""
    messages, sent, began = nodes.messages(), nodes.sent(), time.monotonic()
    work()
    time.sleep(SETTLE)
    took, messages, sent = time.monotonic() - began, nodes.messages() - messages, nodes.sent() - sent
    idle = nodes.sent()
    time.sleep(took)
    return messages, sent - (nodes.sent() - idle)


def main() -> None:
    """Print a table."""
    print("| nodes | way | messages for a token | bytes for a token | heard |\n|---|---|---|---|---|")
    for replicas in (0, 1):
        with cluster(replicas) as nodes:
            for way in ("classic", "sharded"):
                messages, sent, heard = measure(nodes, way)
                name = f"3 masters, {3 * replicas} replicas"
                print(f"| {name} | {way} | {messages:.2f} | {sent:,.0f} | {heard:.0%} |", flush=True)


if __name__ == "__main__":
    main()
