"""With owners no route can be forgotten: each one that the app has asks for a user, whatever its view does."""

from __future__ import annotations

import uuid
from pathlib import Path

import fakeredis
import pytest

from app import create_app
from app.config import Settings
from app.services import build
from app.web.access import users
from app.web.conventions import conventions_of
from tests.support.tokens import SECRET, bearer

ROOT = Path(__file__).parents[2]


def made(**settings):
    redis = fakeredis.FakeRedis(server=fakeredis.FakeServer(), lua_modules=set())
    return create_app(build(Settings(_env_file=None, config=ROOT / "aomi.yaml", **settings), redis, redis, redis))


@pytest.fixture(scope="module")
def app():
    return made(jwt_secret=SECRET)


def requests(app, session_id):
    """A request to every route that is not open to all, by every method."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint.partition(".")[0] in users.OPEN:
            continue
        values = {name: session_id if name == "session_id" else "default" for name in rule.arguments}
        with app.test_request_context():
            path = app.url_map.bind("").build(rule.endpoint, values, force_external=False)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule.endpoint, method, path


def refused(app, session_id, headers, query=""):
    """The statuses by endpoint and method."""
    client = app.test_client()
    return {
        (endpoint, method): client.open(f"{path}{query}", method=method, headers=headers).status_code
        for endpoint, method, path in requests(app, session_id)
    }


def test_without_a_token_every_route_is_refused_but_those_that_concern_no_session(app):
    answered = refused(app, str(uuid.uuid4()), {})
    let_in = {endpoint for (endpoint, _), status in answered.items() if status != 401}
    declared = {
        endpoint
        for endpoint, _ in answered
        if endpoint in conventions_of(app, endpoint.partition(".")[0]).without_session
    }
    assert let_in == declared | {"catalog.models", "catalog.app_of_session"}
    assert declared | users.WITHOUT_SESSION < {endpoint for endpoint, _ in answered}


def test_a_bad_token_is_refused_by_every_route(app):
    assert set(refused(app, str(uuid.uuid4()), bearer("alice", -60)).values()) == {401}


@pytest.mark.parametrize("place", ["header", "query"])
def test_a_strangers_session_is_not_found_by_any_route_that_it_is_named_to(app, place):
    session_id = str(uuid.uuid4())
    app.test_client().post("/api/sessions", headers={"X-Session-Id": session_id} | bearer("alice"))
    named = {"X-Session-Id": session_id} if place == "header" else {}
    query = "" if place == "header" else f"?session_id={session_id}"
    assert set(refused(app, session_id, named | bearer("bob"), query).values()) == {404}


def test_a_stranger_uses_up_no_limit_of_a_session():
    client, session = made(jwt_secret=SECRET, requests_per_minute_session=2).test_client(), str(uuid.uuid4())

    def posted(who):
        return client.post("/api/sessions", headers={"X-Session-Id": session} | who).status_code

    assert [posted(who) for who in (bearer("alice"), bearer("bob"), bearer("bob"), {})] == [200, 404, 404, 401]
    assert [posted(bearer("alice")) for _ in range(2)] == [200, 429]


def test_the_list_of_a_public_key_tells_nothing_of_strangers_sessions(app):
    client = app.test_client()
    for who, public_key in (("ann", "shared"), ("ann", "shared"), ("ben", "shared"), ("ben", "another")):
        headers = {"X-Session-Id": str(uuid.uuid4())} | bearer(who)
        assert client.post("/api/sessions", headers=headers, json={"public_key": public_key}).status_code == 200

    def listed(who, query):
        answer = client.get(f"/api/sessions?{query}", headers=bearer(who))
        return len(answer.get_json()), "Link" in answer.headers

    assert listed("ann", "public_key=shared&limit=1") == (1, True)
    assert listed("ben", "public_key=shared") == (1, False)
    assert listed("cora", "public_key=shared&limit=1") == (0, False)
    assert client.get("/api/sessions?public_key=", headers=bearer("ann")).status_code == 400


def test_without_owners_nobody_is_asked_for_a_user():
    app = made()
    answered = refused(app, str(uuid.uuid4()), {})
    asked = {endpoint for (endpoint, _), status in answered.items() if status == 401}
    assert asked == {"catalog.apps", "usage.show"}, "they ask for a key"
    assert "tickets" not in app.blueprints
