"""Owners over HTTP: what is Alice's is Alice's in every operation of every dialect, and ends with her token."""

from __future__ import annotations

import os
import re
import sys
import time
import uuid
from pathlib import Path

import httpx
import pytest

from tests.support import processes
from tests.support.client import PLAIN, Client, fetch
from tests.support.commands import aomi
from tests.support.patience import patient, until
from tests.support.programs import needed
from tests.support.remains import standing_in
from tests.support.servers import Text
from tests.support.tokens import SECRET, bearer, token

ROOT = Path(__file__).parents[2]
GRACE = 1


@pytest.fixture(scope="module")
def url(backend, worker):
    """A web process with owners, beside those without, on the same Redis and worker."""
    return backend.web(AOMI_JWT_SECRET=SECRET, AOMI_TOKEN_LEEWAY="0", AOMI_TOKEN_GRACE=str(GRACE))[1]


@pytest.fixture(scope="module")
def alices(url):
    """What Alice has, by the names of path parameters, and by the ids of operations the bodies of requests to them."""
    alice, session_id = bearer("alice"), str(uuid.uuid4())
    own = {"X-Session-Id": session_id} | alice
    fetch(f"{url}/api/chat", "POST", headers=own, json={"text": "hello"})
    file = fetch(f"{url}/api/files", "POST", headers=own | {"Content-Type": "text/plain"}, content=b"mine").json()
    response = fetch(f"{url}/v1/responses", "POST", headers=alice, json={"model": "default", "input": "hi"}).json()
    conversation = fetch(f"{url}/v1/conversations", "POST", headers=alice, json={}).json()
    thread = fetch(f"{url}/api/sessions/{session_id}", headers=alice).json()["threads"][0]
    run = {"threadId": session_id, "runId": "r1", "messages": [{"id": "u1", "role": "user", "content": "hi"}]}
    part = {"id": "m1", "role": "user", "parts": [{"type": "text", "text": "hi"}]}
    names = {"session_id": session_id, "thread_id": thread["id"], "file_id": file["file_id"], "action": "title"}
    state = fetch(f"{url}/api/state", params={"session_id": session_id}, headers=alice).json()
    names |= {"conversation_id": conversation["id"], "response_id": response["id"], "item_id": "msg_1"}
    bodies = {
        "chat_send": {"text": "hi"},
        "ai_sdk_send": {"id": session_id, "messages": [part]},
        "agui_run": run,
        "copilotkit_run": run | {"runId": "r2"},
        "copilotkit_connect": run,
        "copilotkit_call": {"method": "agent/connect", "params": {"agentId": "default"}, "body": run},
        "openai_responses_send": {
            "model": "default",
            "input": "hi",
            "stream": True,
            "previous_response_id": response["id"],
        },
        "openai_completions_send": {
            "model": "default",
            "stream": True,
            "messages": [{"role": "user", "content": "hi"}],
        },
        "gen1_vault_save_secrets": {"client_id": "c", "secrets": {"A": "b"}},
        "threads_choose_branch": {"message_id": "m"},
        "feedback_give": {"message_id": state["messages"][1]["id"], "rating": "up"},
        "control_act": {"title": "mine"},
        "sessions_change": {"title": "mine"},
        "threads_change": {"title": "mine"},
    }
    return names | {"app": "default", "model": "default", "provider": "openai", "name": "A"}, bodies


OF_NO_SESSION = {
    *("catalog_apps", "usage_show", "gen1_apps", "copilotkit_info", "openai_models_every", "openai_models_show"),
    *("sessions_of_public_key", "ai_sdk_chats", "openai_conversations_create", "openai_completions_send"),
    *("gen1_vault_save_secrets", "gen1_vault_clear_secrets", "gen1_vault_delete_secret"),
}
"""Operations that name no session: Bob gets his own, which the tests below show."""

OF_THE_SITE = {"health_alive", "health_ready", "openapi_show"}

WITHOUT_TOKEN = {"catalog_apps", "usage_show", "gen1_apps", "copilotkit_info"} | {
    *("openai_models_every", "openai_models_show"),
}
"""Operations that a caller without a token may ask; those of the catalog that say so ask for a key then."""

GEN1 = {"parameters": [{"$ref": "header.X-Session-Id"}], "security": ["UserToken"]}
OF_GEN1 = (
    ("gen1: chat", "post", "/api/chat?message=hi"),
    ("gen1: control/model", "post", "/api/control/model?rig=demo"),
)
"""Requests of gen-1 to operations of the reference API."""

CALLERS = {"nobody": {}, "a bad token": bearer("alice", -60), "bob": bearer("bob"), "alice": bearer("alice")}


def operations(url):
    document = fetch(f"{url}/openapi.json").json()
    listed = [(verb, path, one) for path, verbs in document["paths"].items() for verb, one in verbs.items()]
    listed += [(verb, path, GEN1 | {"operationId": name}) for name, verb, path in OF_GEN1]
    return sorted(listed, key=lambda one: order(one[2]["operationId"])), document


def order(operation_id):
    """What ends or deletes something comes last, and the session last of all."""
    ends = ("delete", "withdraw", "stop", "cancel", "interrupt", "clear")
    is_whole = operation_id in ("threads_delete", "sessions_delete")
    return any(word in operation_id for word in ends), is_whole, operation_id == "sessions_delete"


def status(url, verb, path, operation, caller, alices):
    names, bodies = alices
    headers = dict(caller)
    if any(one["$ref"].endswith("header.X-Session-Id") for one in operation["parameters"]):
        headers["X-Session-Id"] = names["session_id"]
    for name, value in names.items():
        path = path.replace(f"{{path:{name}}}", value).replace(f"{{{name}}}", value)
    more = {"json": bodies.get(operation["operationId"], {})} if "requestBody" in operation else {}
    if operation["operationId"] == "files_add":
        more, headers = {"content": b"text"}, headers | {"Content-Type": "text/plain"}
    with httpx.stream(verb, f"{url}{path}", headers=headers, timeout=patient(30), **more, **PLAIN) as response:
        if response.status_code >= 400:
            assert response.read(), f"{path} refuses without a word"
            error = response.json()["error"]
            assert isinstance(error["message"] if path.startswith("/v1/") else error, str), "the dialect's form"
        return response.status_code


def expected(operation_id, caller):
    """The statuses that are right; None where any is that lets the caller in."""
    if operation_id in OF_THE_SITE:
        return {200}
    if caller == "a bad token" or (caller == "nobody" and operation_id not in WITHOUT_TOKEN):
        return {401}
    if caller == "bob" and operation_id not in OF_NO_SESSION:
        return {404}
    return None


def test_every_operation_of_every_dialect_is_its_owners(url, alices):
    """Each operation by each caller. The table is in the test's output (`-s`)."""
    listed, document = operations(url)
    table: dict[str, dict[str, int]] = {one["operationId"]: {} for _, _, one in listed}
    for caller, headers in CALLERS.items():
        for verb, path, operation in listed:
            table[operation["operationId"]][caller] = status(url, verb, path, operation, headers, alices)
    print("\n".join(["", f"{'operation':34}" + "".join(f"{caller:>13}" for caller in CALLERS)]))
    for name, statuses in table.items():
        print(f"{name:34}" + "".join(f"{statuses[caller]:>13}" for caller in CALLERS))
    wrong = [
        (name, caller, found)
        for name, statuses in table.items()
        for caller, found in statuses.items()
        if found not in (expected(name, caller) or {found}) or (caller == "alice" and found == 401)
    ]
    assert wrong == []
    missing = {name for name, found in table.items() if found["alice"] == 404}
    assert missing <= {"openai_conversations_item", "threads_choose_branch", "chat_withdraw"}, "she finds what is hers"
    unasked = {one["operationId"] for _, _, one in listed if "UserToken" not in str(one.get("security"))}
    assert unasked == OF_THE_SITE
    assert document["components"]["securitySchemes"]["UserToken"]["bearerFormat"] == "JWT"


def test_lists_show_the_callers_own_sessions_and_a_public_key_none_of_a_stranger(url, webs):
    sub = f"list-{uuid.uuid4()}"
    mine, other, early = Client(url), Client(url), Client(webs[0])
    early.post("/api/sessions", json={"public_key": sub})  # made without owners: nobody's yet
    for client, who in ((mine, sub), (other, f"{sub} 2")):
        client.headers |= bearer(who)
        client.post("/api/sessions", json={"public_key": sub})
    for path, name in (("/api/sessions", "session_id"), ("/ai/chats", "id")):
        for query in ({}, {"public_key": sub}):
            listed = fetch(f"{url}{path}", params=query, headers=bearer(sub)).json()
            assert [one[name] for one in listed] == [mine.session_id]
    assert early.get("/api/state", url=url, headers=bearer(sub), params={"session_id": early.session_id}).is_success
    assert early.get("/api/state", url=url, headers=bearer("bob"), params={"session_id": early.session_id}).is_error
    listed = fetch(f"{url}/api/sessions", headers=bearer(sub)).json()
    assert {one["session_id"] for one in listed} == {mine.session_id, early.session_id}


def test_feedback_and_a_turn_without_a_stream_are_their_owners(url):
    alice, bob = bearer("alice"), bearer("bob")
    hers, his = ({"X-Session-Id": str(uuid.uuid4())} for _ in range(2))
    sent = {"json": {"text": "hello"}, "headers": hers | alice | {"Prefer": "respond-async"}}
    accepted = fetch(f"{url}/api/chat", "POST", **sent)
    assert accepted.status_code == 202
    stream = url + accepted.headers["Location"]
    assert fetch(stream, headers=bob).status_code == 404
    assert fetch(stream, headers=alice).status_code == 200

    def state_of_hers():
        return fetch(f"{url}/api/state", params={"session_id": hers["X-Session-Id"]}, headers=alice).json()

    until(lambda: state_of_hers()["status"] == "idle", what="the end of the turn")
    reply = state_of_hers()["messages"][1]["id"]
    assert fetch(f"{url}/api/chat", "POST", headers=his | bob, json={"text": "hello"}).status_code == 200
    rating = {"message_id": reply, "rating": "down"}
    for headers in (hers | bob, his | bob):
        assert fetch(f"{url}/api/feedback", "POST", headers=headers, json=rating).status_code == 404
    assert fetch(f"{url}/api/feedback", "POST", headers=hers | alice, json=rating | {"rating": "up"}).status_code == 200
    assert [one["rating"] for one in state_of_hers()["messages"][1]["feedback"]] == ["up"]


def test_a_stream_breaks_off_when_the_grace_of_its_token_is_over_and_a_new_token_reads_on(url):
    client = Client(url)
    short, began = bearer("carol", 2), time.monotonic()
    with pytest.raises(httpx.TransportError), client.streaming("GET", "/api/updates", headers=short) as stream:
        for _ in stream._read():
            pass
    assert time.monotonic() - began >= 2 + GRACE - 1
    assert client.get("/api/state", headers=short).status_code == 401
    with client.streaming("GET", "/api/updates", headers=bearer("carol")) as stream:
        assert stream.next("state")["session_id"] == client.session_id


@pytest.mark.long
def test_a_stream_of_a_deleted_session_tells_nothing_of_its_next_owner(url):
    client = Client(url)
    client.headers |= bearer("hugo")
    client.post("/api/sessions")
    with client.updates() as stream:
        stream.next("state")
        client.request("DELETE", f"/api/sessions/{client.session_id}")
        other = Client(url, session_id=client.session_id)
        other.headers |= bearer("ines")
        other.ask("what Ines says")
        heard = []
        with pytest.raises(httpx.TransportError):
            heard.extend(stream.events())
    assert "Ines" not in str(heard)


def test_a_ticket_opens_the_streams_of_its_session_alone(url):
    client = Client(url)
    client.post("/api/sessions", headers=bearer("dave"))
    made = client.post("/api/tickets", headers=bearer("dave")).json()
    query = {"ticket": made["ticket"], "session_id": client.session_id}
    with client.streaming("GET", "/api/updates", params=query) as stream:
        assert stream.next("state")["session_id"] == client.session_id
    assert fetch(f"{url}/api/chat", params=query).status_code == 204
    assert fetch(f"{url}/api/state", params=query).status_code == 401
    assert fetch(f"{url}/api/interrupt", "POST", params=query).status_code == 401
    assert fetch(f"{url}/api/updates", params=query | {"session_id": str(uuid.uuid4())}).status_code == 401
    assert fetch(f"{url}/api/updates", params=query | {"ticket": made["ticket"][:-4] + "AAAA"}).status_code == 401
    assert client.post("/api/tickets", headers=bearer("eve")).status_code == 404
    refused = client.post("/api/tickets")
    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_a_token_names_apps_and_a_budget_and_its_user_is_counted_and_erased(url, backend, redis, provider, key):
    sub, client = f"user-{uuid.uuid4()}", Client(url)
    spender = bearer(sub, aomi_apps=["scripted"], aomi_budget="0.000001")
    assert (
        client.post("/api/chat", params={"app": "scripted"}, json={"text": "x"}, headers=bearer(sub)).status_code == 403
    )
    assert fetch(f"{url}/api/control/apps", headers=spender).json() == ["default", "scripted"]
    provider.script("spend it", [Text(["ok"])])
    client.headers |= spender
    assert client.ask("spend it", app="scripted")[-1] == {"type": "complete"}
    until(lambda: fetch(f"{url}/api/usage", headers=spender).json()["total"]["model_calls"], what="the usage")
    usage = fetch(f"{url}/api/usage", headers=spender).json()
    assert usage["budget"]["left_usd"] == 0
    shared = fetch(f"{url}/api/usage", headers=bearer(f"user-{uuid.uuid4()}") | {"X-API-Key": key}).json()
    assert (shared["key"], shared["total"]["turns"]) == (None, 0)
    refused = client.post("/api/chat", params={"app": "scripted"}, json={"text": "more"})
    assert (refused.status_code, "Your budget" in refused.json()["error"]) == (402, True)
    assert sub in aomi("usage", "--by", "user", environment=backend.environment).stdout
    assert "1 session " in aomi("users", "erase", sub, "--yes", environment=backend.environment).stdout
    assert standing_in(redis, client.session_id, sub) == []
    assert fetch(f"{url}/api/usage", headers=spender).json()["total"]["turns"] == 0
    assert "or a token" in fetch(f"{url}/api/usage").json()["error"]


def test_limits_of_a_token_count_its_user(url):
    limited = bearer(f"user-{uuid.uuid4()}", aomi_requests_per_minute=2)
    statuses = [Client(url).post("/api/sessions", headers=limited).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]


def test_the_terminal_takes_a_token(url, backend):
    environment = backend.environment | {"AOMI_TOKEN": token("gina"), "AOMI_URL": url}
    assert aomi("chat", environment=environment, input="hello").returncode == 0
    refused = aomi("chat", environment=environment | {"AOMI_TOKEN": ""}, input="hello")
    assert "A token is needed" in refused.stderr


def test_the_example_of_the_page_does_what_it_says(url, tmp_path):
    page = (ROOT / "docs/owners.md").read_text()
    (script, printed) = re.search(r"```sh\n(TOKEN=.*?)```\n\n```text\n(.*?)```", page, re.DOTALL).groups()
    script = script.replace("http://127.0.0.1:8000", url).replace(".venv/bin/python", sys.executable)
    environment = dict(os.environ) | {"AOMI_JWT_SECRET": SECRET}
    ran = processes.run(["bash", "-c", script], cwd=tmp_path, env=environment)
    assert ran.stdout == printed, ran.stderr


def test_the_program_of_the_page_opens_a_stream_by_a_ticket(url, tmp_path):
    page = (ROOT / "docs/owners.md").read_text()
    (program,) = re.findall(r"```js\n(.*?)```", page, re.DOTALL)
    client = Client(url)
    client.post("/api/sessions", headers=bearer("frank"))
    (tmp_path / "page.mjs").write_text(f"{BROWSER}\n{program}")
    arguments = [url, token("frank"), client.session_id]
    ran = processes.run([needed("node"), "page.mjs", *arguments], cwd=tmp_path)
    assert ran.stdout == "200\n", ran.stderr


BROWSER = """
const [url, token, session] = process.argv.slice(2);
const anyFetch = fetch;
globalThis.fetch = (path, more) => anyFetch(url + path, more);
class EventSource {
  constructor(path) {
    fetch(path).then(({ status }) => { console.log(status); process.exit(); });
  }
}
"""
