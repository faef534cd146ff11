"""Tokens of a real issuer, npm's oidc-provider: its users own their sessions, while its keys rotate and it is away."""

from __future__ import annotations

import json
import uuid

import httpx
import pytest

from tests.clients import npm
from tests.support import processes
from tests.support.client import PLAIN, Client, fetch
from tests.support.patience import until
from tests.support.programs import needed

pytestmark = pytest.mark.long


class Issuer(npm.NodeProcess):
    """The process; its first line is its address."""

    def __init__(self) -> None:
        npm.program("oidc-provider/package.json", npm.HERE / "issuer")
        super().__init__(needed("node"), "issuer/issuer.mjs")
        self.url = json.loads(self.process.stdout.readline())

    def token(self, user: str) -> dict[str, str]:
        """A header with a new token of the user's."""
        form = {"grant_type": "client_credentials", "resource": "urn:aomi"}
        answer = httpx.post(f"{self.url}/token", data=form, auth=(user, f"secret of {user}"), **PLAIN)
        assert answer.status_code == 200, answer.text
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}


@pytest.fixture(scope="module")
def issuer():
    running = Issuer()
    yield running
    processes.stop(running.process)


@pytest.fixture(scope="module")
def url(issuer, backend, worker):
    return backend.web(AOMI_OIDC_ISSUER=issuer.url, AOMI_OIDC_AUDIENCE="aomi")[1]


def test_users_of_an_issuer_own_their_sessions_while_its_keys_rotate_and_it_is_away(issuer, url):
    client, alice = Client(url), issuer.token("alice")
    client.headers |= alice
    assert client.ask("hello")[-1] == {"type": "complete"}
    assert fetch(f"{url}/api/control/apps", headers=alice).json() == ["default", "scripted"]
    assert client.get("/api/state", headers=issuer.token("bob")).status_code == 404
    assert client.get(f"/api/sessions/{client.session_id}").status_code == 200
    issuer.call("rotate")
    renewed = issuer.token("alice")
    until(lambda: client.get("/api/sessions", headers=renewed).status_code == 200, what="the new key")
    assert client.session_id in [one["session_id"] for one in client.get("/api/sessions", headers=renewed).json()]
    later = issuer.token("alice")
    issuer.call("away", True)
    try:
        assert client.get(f"/api/sessions/{client.session_id}", headers=later).status_code == 200
    finally:
        issuer.call("away", False)


def test_a_token_for_another_audience_or_of_a_wrong_signature_is_refused(issuer, url):
    head, body, signature = issuer.token("alice")["Authorization"].split(".")
    wrong = {"Authorization": f"{head}.{body}.{signature[::-1]}", "X-Session-Id": str(uuid.uuid4())}
    assert fetch(f"{url}/api/sessions", "POST", headers=wrong, json={}).status_code == 401
