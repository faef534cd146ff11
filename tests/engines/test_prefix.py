"""Two sites on one Redis, each with its prefix and as a user with rights on that prefix alone."""

from __future__ import annotations

import re

import pytest
import redis as redis_py

from tests.engines.conftest import Site
from tests.support import commands
from tests.support.backend import until
from tests.support.client import Client, fetch, kinds, text_of
from tests.support.engines import Node, rules
from tests.support.patience import patient
from tests.support.servers import Calls, Silence, Text

pytestmark = pytest.mark.long

SITES = ("a", "b")

LIMITS = {"AOMI_REQUESTS_PER_MINUTE_ADDRESS": "10000", "AOMI_TURNS_PER_KEY": "50", "AOMI_METRICS_INTERVAL": "0.3"}
"""So that what counts requests, turns and metrics has keys, too."""


@pytest.fixture(scope="module")
def redis(program, tmp_path_factory):
    node = Node(program, tmp_path_factory.mktemp("shared"))
    until(node.answers)
    for name in SITES:
        node.admin.execute_command("ACL SETUSER", *(re.sub(r"\bchat\b", name, rule) for rule in rules("chat")))
    yield node
    node.stop()


@pytest.fixture(scope="module")
def sites(redis, site):
    urls = [f"redis://{name}:SECRET@{redis.address}/0" for name in SITES]
    with (
        site(redis, REDIS_URL=urls[0], AOMI_REDIS_PREFIX="a:", **LIMITS) as first,
        site(redis, REDIS_URL=urls[1], AOMI_REDIS_PREFIX="b:", **LIMITS) as second,
    ):
        yield first, second


@pytest.fixture
def clients(sites) -> tuple[Client, Client]:
    """A session of the same id at each site."""
    first = sites[0].client()
    return first, Client(sites[1].address, sites[1].key, first.session_id)


def words(client: Client) -> list[str]:
    return [message["content"] for message in client.state()["messages"]]


def aomi(site: Site, *words: str) -> str:
    ran = commands.aomi(*words, environment=site.backend.environment)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_sessions_of_the_same_id_do_not_know_each_other(clients, sites):
    first, second = clients
    assert kinds(first.ask("remember 1")) == ["text", "complete"]
    assert second.get("/api/state", params={"session_id": second.session_id}).status_code == 404
    assert kinds(second.ask("remember 2")) == ["text", "complete"]
    assert [words(client)[0] for client in clients] == ["remember 1", "remember 2"]
    assert Client(sites[1].address, sites[0].key).post("/api/chat", json={"text": "x"}).status_code == 401


def test_tools_their_later_steps_and_interrupts_stay_within_a_site(clients, provider):
    first, second = clients
    count = provider.script("count", [Calls([("Countdown", {"n": 2}), ("Add", {"a": 1})])], [Text(["ok"])])
    stop = provider.script("stop me", [Text(["a"]), Silence()])
    with first.updates() as updates, second.chat(stop, model="scripted") as stream:
        updates.next("state")
        stream.next("text")
        events = first.ask(count, app="scripted")
        assert (kinds(events)[-1], updates.next("async_tool_result")["done"]) == ("complete", True)
        assert not first.interrupt()
        assert second.interrupt()
        assert stream.next("complete")["interrupted"]
    assert provider.requests(stop)[0].hung_up.wait(patient(10))


def test_a_session_that_one_site_deletes_stays_at_the_other(clients, redis):
    first, second = clients
    for client in clients:
        client.ask("remember 1")
    assert first.request("DELETE", f"/api/sessions/{first.session_id}").status_code == 200
    assert words(second)[0] == "remember 1"
    assert all(name.startswith(b"b:") for name in redis.admin.scan_iter(f"*{first.session_id}*"))


def test_an_operator_sees_and_deletes_the_sessions_of_one_site(clients, sites):
    first, second = clients
    for client in clients:
        client.ask("remember 1")
    aomi(sites[0], "sessions", "delete", first.session_id, "--yes")
    shown = [second.session_id[:8] in aomi(site, "inspect", "sessions") for site in sites]
    assert shown == [False, True]
    for site in sites:
        assert len(re.findall(r"\btests\b", aomi(site, "keys", "list"))) == 1
        assert len(re.findall(r"-turns\b", aomi(site, "inspect", "workers"))) == 1


def test_every_name_has_the_prefix_of_its_site(clients, sites, redis):
    assert [fetch(f"{site.address}/readyz").status_code for site in sites] == [200, 200]
    for client in clients:
        client.post("/api/sessions", json={"public_key": "0xabc"})
        client.ask("remember 1")
    names = set(redis.admin.scan_iter(count=1000))
    assert {name[:2] for name in names} == {b"a:", b"b:"}
    for name in ("rq:queues", "{metrics}", "usage:", "rate:", "key:", "sessions-of:"):
        assert {found[:2] for found in names if found[2:].startswith(name.encode())} == {b"a:", b"b:"}, name


def test_what_empties_one_site_leaves_the_turns_of_the_other(clients, sites, redis, provider):
    """As `redis-cli --scan --pattern 'a:*' | xargs redis-cli unlink` does."""
    first, second = clients
    first.ask("remember 1")
    pieces = [f"{number} " for number in range(20)]
    text = provider.script("go on", [Text(pieces, pause=0.03)])
    with second.chat(text, model="scripted") as stream:
        said = [stream.next("text")]
        redis.admin.unlink(*redis.admin.scan_iter("a:*", count=1000))
        said += stream.events()
    assert (text_of(said), kinds(said)) == ("".join(pieces), ["text", "complete"])
    assert [fetch(f"{site.address}/api/sessions/{first.session_id}").status_code for site in sites] == [404, 200]


def test_nothing_was_refused_to_a_site_from_its_start_to_its_end(sites, redis):
    for site in sites:
        site.backend.stop()
    assert redis.admin.acl_log() == []


def test_the_rights_of_one_site_end_at_its_prefix(redis):
    """Else the log of refusals would be empty in any case."""
    with redis_py.Redis.from_url(f"redis://a:SECRET@{redis.address}/0") as first:
        assert first.get("a:string") is None
        for refused in (lambda: first.get("string"), lambda: first.get("b:string"), lambda: first.publish("b:x", "")):
            with pytest.raises(redis_py.exceptions.NoPermissionError):
                refused()
