"""Every refusal that a message may get, in every dialect: the same status, in the form of the dialect's clients."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from decimal import Decimal

import pytest
import redis as redis_py

from app import create_app, services
from app.config import Settings
from tests.support.dialects import DIALECTS

MIB = 1024 * 1024

CONFIG = """
model_list:
  - {model_name: demo, litellm_params: {model: demo/assistant}}
apps:
  - {id: default, model: demo}
  - {id: hidden, model: demo}
"""


def of(dialects):
    return pytest.mark.parametrize("dialect", dialects, ids=[one.name for one in dialects])


every_dialect = of(DIALECTS)
with_a_body = of([one for one in DIALECTS if one.has_body])


class Site:
    """A web process without a worker, and without a network: messages are accepted, and nobody answers them."""

    def __init__(self, settings, **parts):
        parts = replace(services.build(settings), **parts)
        self.http = create_app(parts).test_client()
        self.issue = parts.api_keys.issue
        self.accepted = parts.jobs.waiting

    def open(self, path, method="POST", *, key="", headers=(), address="192.0.2.1", **more):
        """Status, JSON (None of a stream) and headers."""
        headers = dict(headers) | ({"X-API-Key": key} if key else {})
        with self.http.open(path, method=method, headers=headers, environ_base={"REMOTE_ADDR": address}, **more) as got:
            is_stream = got.mimetype == "text/event-stream"
            return got.status_code, None if is_stream else got.get_json(), got.headers

    def say(self, dialect, text="hello", app="default", session="", sent=None, **more):
        said = dialect.say(session or str(uuid.uuid4()), text, app)
        headers = said.headers | more.pop("headers", {})
        content = {"json": said.body} if sent is None else {"data": sent, "content_type": "application/json"}
        return self.open(said.path, headers=headers, **content, **more)

    def refused(self, dialect, status, **how):
        """The refusal of a message, which has this status and the dialect's form."""
        return check(dialect, status, self.say(dialect, **how))


def check(dialect, status, answer):
    got, error, headers = answer
    assert (got, headers["Content-Type"]) == (status, "application/json"), error
    assert dialect.is_error(error), error
    assert (status in (429, 503)) == ("Retry-After" in headers), headers
    return error["error"]


@pytest.fixture(scope="module")
def site_of(redis_url, tmp_path_factory):
    """Makes a site with these settings."""
    config = tmp_path_factory.mktemp("refusals") / "aomi.yaml"
    config.write_text(CONFIG)
    url = redis_url.replace("/0", "/13")
    with redis_py.Redis.from_url(url) as connection:
        connection.flushdb()
    return lambda **limits: Site(Settings(**{"REDIS_URL": url, "config": config} | limits))


@pytest.fixture(scope="module")
def site(site_of):
    return site_of(max_body=2 * MIB)


@with_a_body
def test_a_body_that_is_none_is_400(site, dialect):
    for sent in (b"", b"not json", b"[1]", b"{}", b'{"a": NaN}', b'{"a": "\\ud800"}', b'{"a": "\xff"}', b"[" * 100_000):
        site.refused(dialect, 400, sent=sent)
    site.refused(dialect, 400, text=" \n ")
    site.refused(dialect, 400, text="x" * 32_001)
    site.refused(dialect, 400, headers={"Idempotency-Key": "x" * 1000})
    if dialect.names_session:
        site.refused(dialect, 400, session="no-uuid")


@with_a_body
def test_a_long_history_is_taken_up_to_the_bound_of_the_dialect(site, dialect):
    said = dialect.say(str(uuid.uuid4()), "hello", "default")
    is_long = dialect.name != "native"
    answer = site.say(dialect, sent=json.dumps(dialect.padded(said, MIB)).encode())
    if is_long:
        assert answer[0] == 200, answer
    else:
        check(dialect, 413, answer)
    site.refused(dialect, 413, sent=b" " * (2 * MIB + 1))


@every_dialect
def test_a_key_that_does_not_open_the_app_is_refused_as_in_the_reference_api(site, dialect):
    old = site.issue(("*",), expires_at="2020-01-31T00:00:00.000Z")
    narrow, wide = site.issue(("default",)), site.issue(("*",))
    site.refused(dialect, 401, key="wrong")
    site.refused(dialect, 401, key=old)
    hidden, unknown = (site.refused(dialect, 401, app=app) for app in ("hidden", "never-was"))
    assert hidden == unknown
    hidden, unknown = (site.refused(dialect, 403, app=app, key=narrow) for app in ("hidden", "never-was"))
    assert hidden == unknown
    site.refused(dialect, 404, app="never-was", key=wide)
    assert site.say(dialect, app="hidden", key=wide)[0] == 200


@every_dialect
def test_limits_of_requests_and_of_running_turns_are_429(site_of, dialect):
    address = f"192.0.2.{DIALECTS.index(dialect) + 10}"
    site = site_of(requests_per_minute_session=1)
    key = site.issue(("*",), requests_per_minute=1)
    assert site.say(dialect, key=key)[0] == 200
    site.refused(dialect, 429, key=key)
    key = site.issue(("*",), running_turns=1)
    assert site.say(dialect, key=key)[0] == 200
    site.refused(dialect, 429, key=key)
    if dialect.names_session:
        session = str(uuid.uuid4())
        assert site.say(dialect, session=session)[0] == 200
        site.refused(dialect, 429, session=session)
    by_address = site_of(requests_per_minute_address=1)
    assert by_address.say(dialect, address=address)[0] == 200
    by_address.refused(dialect, 429, address=address)


@every_dialect
def test_a_spent_budget_is_402_and_a_full_queue_503(site, site_of, dialect):
    site.refused(dialect, 402, key=site.issue(("*",), budget=Decimal(0)))
    full = site_of(max_queue=1)
    full.say(dialect)
    full.refused(dialect, 503)


@with_a_body
def test_an_idempotency_key_makes_one_turn_of_a_repeated_message_and_refuses_another_one(site, dialect):
    key, session, retried = site.issue(("*",)), str(uuid.uuid4()), {"Idempotency-Key": str(uuid.uuid4())}
    said, before = dialect.say(session, "hello", "default"), site.accepted()
    for _ in range(2):
        assert site.open(said.path, headers=said.headers | retried, json=said.body, key=key)[0] == 200
    assert site.accepted() == before + 1
    other = {"key": key, "session": session, "text": "another one", "headers": retried}
    site.refused(dialect, 409, **other)


@of([one for one in DIALECTS if one.names_session and one.has_body])
def test_a_message_that_does_not_wait_for_the_turn_that_runs_is_409(site, dialect):
    session = str(uuid.uuid4())
    assert site.say(dialect, session=session)[0] == 200
    said = dialect.say(session, "hello", "default")
    body = said.body.get("body", said.body)
    body |= {"on_busy": "reject", "forwardedProps": {"on_busy": "reject"}}
    check(dialect, 409, site.open(said.path, headers=said.headers, json=said.body))


@every_dialect
def test_a_redis_that_is_away_is_503(site_of, dialect):
    site_of(REDIS_URL="redis://127.0.0.1:1/0").refused(dialect, 503)


class Broken:
    """A part of the backend with a bug."""

    def __getattr__(self, name):
        raise RuntimeError("the secret of a bug")


@every_dialect
def test_a_bug_is_500_without_a_word_of_it(redis_url, dialect, tmp_path):
    config = tmp_path / "aomi.yaml"
    config.write_text(CONFIG)
    broken = Site(Settings(REDIS_URL=redis_url.replace("/0", "/13"), config=config), turns=Broken())
    error = broken.refused(dialect, 500)
    assert "Internal server error" in str(error)
    assert "secret" not in str(error)


@every_dialect
def test_paths_and_methods_that_there_are_not_are_refused_in_the_same_form(site, dialect):
    path = dialect.say(str(uuid.uuid4()), "hello", "default").path.partition("?")[0]
    check(dialect, 405, site.open(path, "PUT"))
    check(dialect, 404, site.open(f"{path}/x/y/z"))
