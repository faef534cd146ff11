"""Limits over HTTP: what is refused, in which words, and what never is."""

from __future__ import annotations

import threading
import uuid

import pytest
import redis as redis_py
from flask.testing import FlaskClient
from redis.connection import AbstractConnection

from app import create_app, services
from app.config import Settings
from app.state.accounts.api_keys import ApiKeys
from app.state.scripts import Store
from tests.support.backend import DEMO_ALONE, until
from tests.support.client import Client
from tests.support.remains import standing_in

KEY = "X-API-Key"


class Front:
    """A front end of a backend with limits: one session, unless another is named."""

    def __init__(self, http: FlaskClient, api_keys: ApiKeys | None) -> None:
        self.http, self.api_keys, self.session = http, api_keys, str(uuid.uuid4())

    def request(self, method, path, *, key="", session="", address="192.0.2.1", **more):
        headers = {"X-Session-Id": session or self.session} | ({KEY: key} if key else {}) | more.pop("headers", {})
        return self.http.open(path, method=method, headers=headers, environ_base={"REMOTE_ADDR": address}, **more)

    def write(self, **more):
        return self.request("POST", "/api/sessions", **more)

    def say(self, **more):
        """A message whose answer nobody waits for, and no worker is there to begin."""
        return self.request("POST", "/api/chat?message=hello", **more)


@pytest.fixture
def demo_alone(tmp_path):
    """An aomi.yaml of the demo alone."""
    path = tmp_path / "aomi.yaml"
    path.write_text(DEMO_ALONE)
    return path


@pytest.fixture
def front(redis_url, demo_alone):
    """Makes a front end of a backend of its own, with the given limits."""
    url = redis_url.replace("/0", "/6")
    with redis_py.Redis.from_url(url) as connection:
        connection.flushdb()

        def made(**limits):
            settings = Settings(REDIS_URL=url, config=demo_alone, **limits)
            parts = services.build(settings)
            return Front(create_app(parts).test_client(), parts.api_keys)

        yield made


def refused(answer, words):
    """Whether it is a refusal as the API has it, which says when to come again."""
    assert answer.status_code == 429, answer.text
    assert list(answer.json) == ["error"]
    assert words in answer.json["error"]
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    return True


# Requests


@pytest.mark.parametrize(
    ("limits", "words", "other"),
    [
        ({"requests_per_minute_session": 2}, "about this session: at most 2 a minute", {"session": str(uuid.uuid4())}),
        ({"requests_per_minute_address": 2}, "from this address: at most 2 a minute", {"address": "192.0.2.2"}),
        ({"requests_per_minute_key": 2}, "with this API key: at most 2 a minute", {"key": ""}),
    ],
)
def test_requests_beyond_a_limit_are_refused_and_others_are_not(front, limits, words, other):
    front = front(**limits)
    key = front.api_keys.issue(("*",))
    assert [front.write(key=key).status_code for _ in range(2)] == [200, 200]
    assert refused(front.write(key=key), words)
    assert front.write(**{"key": key} | other).status_code == 200


def test_nothing_that_was_counted_names_a_session_that_is_deleted(front, redis_url):
    front = front(requests_per_minute_session=2)
    front.write()
    assert front.request("DELETE", f"/api/sessions/{front.session}").status_code == 200
    with redis_py.Redis.from_url(redis_url.replace("/0", "/6")) as connection:
        assert [name for name in connection.scan_iter("rate:*") if b"session" in name]
        assert standing_in(connection, front.session) == []


def test_a_session_in_the_path_is_the_same_session(front):
    front = front(requests_per_minute_session=1)
    front.write()
    assert refused(front.request("PATCH", f"/api/sessions/{front.session}", json={"title": "x"}), "about this session")


def test_a_keys_own_limit_goes_before_the_setting(front):
    front = front(requests_per_minute_key=2)
    narrow = front.api_keys.issue(("*",), requests_per_minute=1)
    free = front.api_keys.issue(("*",), requests_per_minute=0)
    assert front.write(key=narrow).status_code == 200
    assert refused(front.write(key=narrow), "at most 1 a minute")
    assert {front.write(key=free).status_code for _ in range(4)} == {200}


def test_who_only_looks_or_stops_is_not_refused(front):
    front = front(requests_per_minute_session=1, requests_per_minute_address=1)
    front.write()
    query = f"session_id={front.session}"
    looks = [front.request("GET", f"/api/state?{query}"), front.request("GET", "/api/session/models")]
    stops = [front.request("POST", f"/api/interrupt?{query}"), front.request("POST", "/api/interrupt")]
    assert [answer.status_code for answer in (*looks, *stops)] == [200] * 4
    assert refused(front.write(), "Too many requests")


def test_reading_has_a_limit_of_its_own_which_holds_neither_pages_nor_health(front):
    front = front(reads_per_minute_address=1)
    assert front.request("GET", "/api/state").status_code == 200
    assert refused(front.request("GET", "/api/state"), "from this address")
    assert [front.request("GET", path).status_code for path in ("/healthz", "/openapi.json", "/docs", "/")] == [200] * 4
    assert front.write().status_code == 200


def test_a_refusal_of_the_older_dialect_is_the_same(front):
    front = front(requests_per_minute_session=1)
    assert front.say().status_code == 200
    assert refused(front.say(), "about this session")


def test_a_page_of_another_origin_can_read_when_to_come_again(front):
    front = front(requests_per_minute_address=1, cors_origins="https://app.example")
    origin = {"Origin": "https://app.example"}
    front.write(headers=origin)
    answer = front.write(headers=origin)
    assert refused(answer, "from this address")
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert "Retry-After" in answer.headers["Access-Control-Expose-Headers"]
    asked = {"Access-Control-Request-Method": "POST"} | origin
    assert front.request("OPTIONS", "/api/chat", headers=asked).status_code == 204


def test_behind_a_proxy_an_address_is_what_the_proxy_says(front):
    front = front(requests_per_minute_address=1, trusted_proxies=1)
    one, other = ({"X-Forwarded-For": f"10.9.9.9, 203.0.113.{n}"} for n in (1, 2))
    assert front.write(headers=one).status_code == front.write(headers=other).status_code == 200
    assert refused(front.write(headers=one), "from this address")


def test_with_limits_a_redis_that_is_away_is_503_as_everywhere(demo_alone):
    settings = Settings(REDIS_URL="redis://127.0.0.1:1/0", config=demo_alone, requests_per_minute_address=5)
    answer = Front(create_app(services.build(settings)).test_client(), None).write()
    assert (answer.status_code, list(answer.json)) == (503, ["error"])
    assert answer.headers["Retry-After"]


# Wrong keys


def test_wrong_keys_are_slowed_down_per_address_and_right_ones_are_not(front):
    front = front(wrong_keys_per_minute=2)
    good = front.api_keys.issue(("*",))

    def apps(key, **more):
        return front.request("GET", "/api/session/apps", key=key, **more)

    assert [apps(f"wrong {n}").status_code for n in range(2)] == [401, 401]
    assert refused(apps("wrong"), "Too many wrong API keys")
    assert refused(front.say(key="wrong"), "Too many wrong API keys")
    assert apps(good).status_code == 200
    assert apps("wrong", address="192.0.2.2").status_code == 401


def test_an_expired_key_says_so(front):
    front = front()
    old = front.api_keys.issue(("*",), expires_at="2020-01-31T00:00:00.000Z")
    answer = front.request("GET", "/api/session/apps", key=old)
    assert answer.status_code == 401
    assert "expired at 2020-01-31" in answer.json["error"]


def test_a_key_knows_its_last_use(front):
    front = front()
    key = front.api_keys.issue(("*",))
    front.request("GET", "/api/session/apps", key=key)
    assert front.api_keys.find(key).last_used_at


# Running turns


@pytest.mark.parametrize(
    ("limits", "own", "words", "other"),
    [
        ({"turns_per_key": 1}, None, "for this API key: at most 1 at once", {"key": ""}),
        ({"turns_per_key": 9}, 1, "for this API key: at most 1 at once", {"key": ""}),
        ({"turns_per_address": 1}, None, "for this address: at most 1 at once", {"address": "192.0.2.2"}),
    ],
)
def test_a_turn_beyond_those_that_may_run_at_once_is_refused_until_one_has_ended(front, limits, own, words, other):
    front = front(**limits)
    key = front.api_keys.issue(("*",), running_turns=own)
    second = str(uuid.uuid4())
    assert front.say(key=key).status_code == 200
    assert refused(front.say(key=key, session=second), words)
    assert front.say(**{"key": key, "session": str(uuid.uuid4())} | other).status_code == 200
    assert front.say(key=key).status_code == 200, "another message of the same session waits there"
    front.request("POST", "/api/interrupt", key=key)
    assert front.say(key=key, session=second).status_code == 200


def test_the_worker_renews_a_turns_slot_and_its_end_gives_it_back(webs, redis):
    key = ApiKeys(Store(redis, Settings())).issue(("*",), running_turns=1)
    client, other = Client(webs[0], key), Client(webs[1], key)
    with client.chat("count to 5000") as stream:
        stream.next("text")
        (name,) = [one for one in redis.scan_iter("turns-of:key:*") if redis.zcard(one)]
        ((member, end),) = redis.zrange(name, 0, -1, withscores=True)
        until(lambda: redis.zscore(name, member) > end, what="the slot's renewal")
        assert other.post("/api/chat", json={"text": "hello"}).status_code == 429
        client.interrupt()
    assert not redis.exists(name)
    assert other.ask("remember 1")[-1] == {"type": "complete"}


def test_with_a_full_queue_a_message_that_was_accepted_attaches_to_its_turn_and_others_are_refused(front):
    front = front(max_queue=1)

    def send(retry_key):
        with front.request(
            "POST", "/api/chat", json={"text": "hello"}, headers={"Idempotency-Key": retry_key}
        ) as answer:
            return answer.status_code, answer.headers.get("Location")

    first = send("one")
    assert first[0] == 200
    assert send("one") == first
    assert send("two") == (503, None)


# What it costs


@pytest.fixture
def trips(monkeypatch):
    """Counts the round trips to Redis of a call, once connections and scripts are there; those of this thread, because
    others may still run that were begun before."""
    sent: list[int] = []
    send, caller = AbstractConnection.send_packed_command, threading.get_ident()

    def counted(connection, *args, **more):
        if threading.get_ident() == caller:
            sent.append(1)
        return send(connection, *args, **more)

    monkeypatch.setattr(AbstractConnection, "send_packed_command", counted)

    def count(call):
        call()
        sent.clear()
        call()
        return len(sent)

    return count


def test_requests_are_counted_in_one_round_trip_and_each_kind_of_slot_is_taken_in_one(front, trips):
    def message(with_key, **limits):
        here = front(**limits)
        key = here.api_keys.issue(("*",)) if with_key else ""
        return trips(lambda: here.say(key=key, session=str(uuid.uuid4())))

    bare = message(False)
    assert message(True) == bare + 1, "the key, which was known before"
    assert message(True, requests_per_minute_key=60) == bare + 2
    every = {f"requests_per_minute_{name}": 60 for name in ("key", "session", "address")}
    assert message(True, **every) == bare + 2
    assert message(True, turns_per_key=60, turns_per_address=60) == bare + 3
