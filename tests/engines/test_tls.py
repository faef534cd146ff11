"""TLS with an authority of one's own, on every kind of URL: for commands and for listening."""

from __future__ import annotations

import pytest

from app.config import Settings
from app.state.connection import clients
from tests.support.backend import free_port, until
from tests.support.engines import MASTER, SLOTS, Certificates, Node, Nodes, server, stopped_at_last

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def nodes(folder):
    with stopped_at_last(Nodes(server(), folder)) as started:
        yield started


@pytest.fixture(scope="module")
def single(nodes, certificates):
    """One that asks for a client's certificate."""
    port = free_port()
    until(nodes.start("--tls-port", str(port), *certificates.options, "--tls-auth-clients", "yes").answers)
    return f"rediss://127.0.0.1:{port}/0"


@pytest.fixture(scope="module")
def own(certificates):
    """What a URL says of a client's certificate."""
    return f"ssl_certfile={certificates.certificate}&ssl_keyfile={certificates.key}"


@pytest.fixture(scope="module")
def watched(nodes, single, certificates, folder):
    port = single.rpartition(":")[2].partition("/")[0]
    config = folder / "sentinel.conf"
    config.write_text(f"sentinel monitor {MASTER} 127.0.0.1 {port} 1\n")
    sentinel = free_port()
    options = ["--tls-port", str(sentinel), "--tls-replication", "yes", *certificates.options]
    nodes.nodes.append(Node(server(), folder, "--sentinel", *options, config=config))
    until(nodes.nodes[-1].answers)
    return f"rediss+sentinel://127.0.0.1:{sentinel}/{MASTER}"


@pytest.fixture(scope="module")
def clustered(nodes, certificates):
    port = free_port()
    more = ["--cluster-enabled", "yes", "--cluster-port", str(free_port()), "--tls-cluster", "yes"]
    node = nodes.start("--tls-port", str(port), *certificates.options, *more)
    until(node.answers)
    node.admin.execute_command("CLUSTER ADDSLOTSRANGE", 0, SLOTS - 1)
    until(lambda: node.admin.execute_command("CLUSTER INFO")["cluster_state"] == "ok")
    return f"rediss+cluster://127.0.0.1:{port}"


def settings(url, **more):
    return Settings(REDIS_URL=url, queue_redis_url="redis://queue", **more)


@pytest.mark.parametrize("engine", ["single", "watched", "clustered"])
def test_commands_and_messages_go_through_tls(request, certificates, own, engine):
    url = f"{request.getfixturevalue(engine)}?ssl_ca_certs={certificates.authority}&{own}"
    commands = clients.commands(settings(url))
    listener = clients.listening(settings(url)).pubsub()
    listener.subscribe("news")
    assert until(lambda: listener.get_message(timeout=1))["type"] == "subscribe"
    commands.publish("news", "told")
    assert until(lambda: listener.get_message(timeout=1))["data"] == b"told"
    listener.close()
    commands.close()


@pytest.mark.parametrize("engine", ["single", "watched", "clustered"])
def test_a_server_whose_authority_is_unknown_is_refused(request, own, engine):
    client = clients.commands(settings(f"{request.getfixturevalue(engine)}?{own}"))
    with pytest.raises(clients.Unavailable):
        client.get("x")
    client.close()


@pytest.mark.parametrize("engine", ["single", "watched", "clustered"])
def test_unless_any_certificate_will_do(request, own, engine):
    client = clients.commands(settings(f"{request.getfixturevalue(engine)}?{own}", redis_tls_verify=False))
    assert client.get("x") is None
    client.close()


def test_a_client_without_the_certificate_that_is_asked_for_is_refused(single, certificates):
    client = clients.commands(settings(f"{single}?ssl_ca_certs={certificates.authority}"))
    with pytest.raises(clients.Unavailable):
        client.get("x")
    client.close()
