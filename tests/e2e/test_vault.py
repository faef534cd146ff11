"""Keys and secrets that a client entrusts to the backend: used for its turns alone, shown to nobody."""

from __future__ import annotations

import uuid

import pytest

from tests.support.backend import until
from tests.support.client import Client
from tests.support.gen1 import Gen1, said
from tests.support.servers import Calls, Fail, Text

OWN_KEY = "sk-own-0123456789abcdef-of-the-client"


@pytest.fixture
def gen1(webs, key):
    """A session that has told of its client, as the published one does."""
    gen1 = Gen1(webs[0], key)
    gen1.poll(client_id=gen1.client_id)
    return gen1


def save_key(gen1, **more):
    body = {"provider": "openai", "api_key": OWN_KEY, "label": "mine"} | more
    return gen1.call("POST", "/api/control/provider-keys", json=body)["key"]


def secrets(gen1, **values):
    body = {"client_id": gen1.client_id, "secrets": values}
    answer = gen1.http.post("/api/secrets", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["handles"]


def seen_key(provider, text):
    return [seen.key for seen in provider.requests(text)]


def ask(gen1, provider, text, *answers):
    provider.script(text, *answers or ([Text(["ok"])],))
    gen1.send(text, app="scripted", client_id=gen1.client_id)
    return gen1.finish()


def test_a_key_is_shown_by_its_first_characters_only(gen1):
    shown = {"provider": "openai", "key_prefix": "sk-own-", "label": "mine", "is_active": True}
    assert save_key(gen1) == shown
    assert gen1.call("GET", "/api/control/provider-keys") == {"provider_keys": [shown]}
    assert save_key(gen1, api_key="short", label=None)["key_prefix"] == ""
    assert len(gen1.call("GET", "/api/control/provider-keys")["provider_keys"]) == 1


def test_a_key_is_used_for_its_clients_turns_alone_until_it_is_deleted(gen1, webs, key, provider):
    save_key(gen1)
    ask(gen1, provider, "with my own key")
    assert seen_key(provider, "with my own key") == [f"Bearer {OWN_KEY}"]
    ask(Gen1(webs[0], key), provider, "another client")
    assert seen_key(provider, "another client") == ["Bearer sk-test-provider-key"]
    assert gen1.call("DELETE", "/api/control/provider-keys/openai") == {"deleted": True}
    assert gen1.call("DELETE", "/api/control/provider-keys/openai") == {"deleted": False}
    ask(gen1, provider, "without it")
    assert seen_key(provider, "without it") == ["Bearer sk-test-provider-key"]


def test_the_reference_dialect_uses_them_by_the_session_or_by_client_id(gen1, webs, key, provider):
    save_key(gen1)
    provider.script("by the session", [Text(["ok"])])
    Client(webs[0], key, gen1.session_id).ask("by the session", app="scripted")
    provider.script("by client id", [Text(["ok"])])
    other = Client(webs[0], key)
    params = {"app": "scripted", "client_id": gen1.client_id}
    with other.streaming("POST", "/api/chat", params=params, json={"text": "by client id"}) as stream:
        list(stream.events())
    assert seen_key(provider, "by the session") == seen_key(provider, "by client id") == [f"Bearer {OWN_KEY}"]


def test_a_model_may_be_for_clients_with_a_key_alone(gen1, provider):
    provider.script("bring my own", [Text(["ok"])])
    gen1.send("bring my own", app="own", client_id=gen1.client_id)
    assert "needs a key of your own, for openai" in said(gen1.finish())[-1][1]
    save_key(gen1)
    gen1.send("bring my own", app="own", client_id=gen1.client_id)
    assert said(gen1.finish())[-1] == ("agent", "ok")
    assert seen_key(provider, "bring my own") == [f"Bearer {OWN_KEY}"]


def test_a_key_of_another_provider_is_left_alone(gen1, provider):
    save_key(gen1, provider="Anthropic")
    ask(gen1, provider, "not for openai")
    assert seen_key(provider, "not for openai") == ["Bearer sk-test-provider-key"]


def test_a_session_of_no_client_has_no_keys(webs):
    gen1 = Gen1(webs[0])
    answer = gen1.http.get("/api/control/provider-keys", headers=gen1.header)
    assert (answer.status_code, "client_id" in answer.json()["error"]) == (400, True)


def test_a_handle_stands_for_a_secret_in_a_tools_argument_and_nowhere_else(gen1, provider):
    assert secrets(gen1, TOKEN="s3cret-value") == {"TOKEN": "$SECRET:TOKEN"}
    word = "Bearer $SECRET:TOKEN"
    state = ask(gen1, provider, "use it", [Calls([("Repeat", {"word": word})])], [Text(["Used."])])
    spelled, length = "B e a r e r   $SECRET:TOKEN", len("Bearer s3cret-value")
    assert said(state)[1] == (
        "agent",
        ("Repeat", f'{{"word":"{word}","letters":"{spelled}","length":{length}}}'),
    )
    first, second = provider.requests("use it")
    assert "$SECRET:TOKEN" in first.messages[0]["content"]
    assert "s3cret-value" not in str([first.messages, second.messages])


def test_a_secret_that_is_not_there_is_an_error_to_the_model(gen1, provider):
    secrets(gen1, TOKEN="s3cret-value")
    state = ask(gen1, provider, "wrong one", [Calls([("Repeat", {"word": "$SECRET:OTHER"})])], [Text(["I see."])])
    assert "There is no secret 'OTHER'; there are: $SECRET:TOKEN" in said(state)[1][1][1]


def test_a_handle_of_a_client_without_secrets_reaches_no_tool(gen1, provider):
    secrets(gen1, TOKEN="s3cret-value")
    gen1.http.delete("/api/secrets", params={"client_id": gen1.client_id})
    state = ask(gen1, provider, "none left", [Calls([("Repeat", {"word": "$SECRET:TOKEN"})])], [Text(["I see."])])
    assert said(state)[1][1] == ("Repeat", '{"error":"There is no secret \'TOKEN\'; there are: none"}')
    other = Gen1(gen1.url, gen1.key["X-API-Key"])
    state = ask(other, provider, "never any", [Calls([("Echoes", {"word": "x $SECRET:A"})])], [Text(["I see."])])
    assert said(state)[1][1] == ("Echoes", '{"error":"There is no secret \'A\'; there are: none"}')


def test_what_a_tool_says_of_an_argument_shows_no_part_of_the_secret_in_it(gen1, provider, redis, backend):
    value, opening = f"Zq7-{uuid.uuid4().hex}", "The tool cuts it at 64 letters:"
    secrets(gen1, TOKEN=value)
    calls = [("GetCurrentTime", {"timezone": f"{opening} $SECRET:TOKEN"}), ("Echoes", {"word": "no $SECRET:TOKEN"})]
    state = ask(gen1, provider, "wrong zone", [Calls(calls)], [Text(["I see."])])
    assert f"{opening} $SECRET:TOKEN" in str(said(state))
    seen = provider.requests("wrong zone")[-1].messages
    with Client(gen1.url, session_id=gen1.session_id).resume() as stream:
        events = list(stream.events())
    held = str([state, seen, events]).encode() + b"".join(redis.dump(n) or b"" for n in redis.scan_iter(count=1000))
    held += "".join(process.log() for process in backend.processes).encode()
    parts = {value[at : at + 8] for at in range(len(value) - 7)}
    assert not [part for part in parts if part.encode() in held or part.upper().encode() in held]


def test_secrets_are_gone_when_cleared_and_of_one_client_alone(gen1, webs, key, provider):
    secrets(gen1, ONE="s3cret-one", TWO="s3cret-two")
    query = {"client_id": gen1.client_id}
    assert gen1.http.delete("/api/secrets/ONE", params=query).json() == {"deleted": True}
    assert gen1.http.delete("/api/secrets/ONE", params=query).json() == {"deleted": False}
    ask(gen1, provider, "one is gone")
    assert "$SECRET:TWO" in provider.requests("one is gone")[0].messages[0]["content"]
    assert "$SECRET:ONE" not in provider.requests("one is gone")[0].messages[0]["content"]
    ask(Gen1(webs[0], key), provider, "not mine")
    assert "$SECRET" not in str(provider.requests("not mine")[0].messages)
    assert gen1.http.delete("/api/secrets", params=query).json() == {"cleared": True}
    ask(gen1, provider, "all gone")
    assert "$SECRET" not in str(provider.requests("all gone")[0].messages)


def test_a_multi_step_tool_and_a_client_tool_never_show_a_secret(gen1, provider):
    secrets(gen1, TOKEN="s3cret-value")
    calls = Calls([("PickFile", {"types": ["$SECRET:TOKEN"]}), ("Echoes", {"word": "$SECRET:TOKEN"})])
    ask(gen1, provider, "shown to nobody", [calls], [Text(["ok"])])
    state = gen1.until(lambda state: [sender for sender, _ in said(state)].count("system") == 1)
    assert "s3cret-value" not in str(state)
    reference = Client(gen1.url, session_id=gen1.session_id).state()
    assert reference["user_state"]["pending_requests"] == {"1": {"types": ["$SECRET:TOKEN"]}}
    assert "s3cret-value" not in str(reference)


def test_nothing_of_them_is_in_redis_a_log_an_event_or_an_error(gen1, backend, provider, redis):
    value = "s3cret-" + uuid.uuid4().hex
    secrets(gen1, TOKEN=value)
    save_key(gen1)
    failing = [Calls([("Refuse", {"word": "$SECRET:TOKEN"})])]
    ask(gen1, provider, "fails with it", failing, [Text(["ok"])])
    ask(gen1, provider, "refused with it", [Fail(401, {"error": {"message": f"bad key {OWN_KEY}"}})])
    for body in ({"client_id": gen1.client_id, "secrets": {"a b": value}}, {"secrets": {"TOKEN": value}}):
        refused = gen1.http.post("/api/secrets", json=body)
        assert (refused.status_code, value in refused.text) == (400, False)
    until(lambda: any("Refuse failed" in process.log() for process in backend.processes))
    names = list(redis.scan_iter(count=1000))
    held = b"".join(names + [redis.dump(name) or b"" for name in names])  # one may expire meanwhile
    held += str(gen1.poll()).encode() + "".join(p.log() for p in backend.processes).encode()
    for hidden in (value, OWN_KEY, gen1.client_id):
        assert hidden.encode() not in held


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"provider": "", "api_key": "x"}, "'provider'"),
        ({"provider": "open ai", "api_key": "x"}, "'provider'"),
        ({"provider": "openai"}, "'api_key'"),
        ({"provider": "openai", "api_key": "clé"}, "printable ASCII"),
        ({"provider": "openai", "api_key": "x" * 2000}, "1,024"),
        ({"provider": "openai", "api_key": "x", "label": 5}, "'label'"),
    ],
)
def test_a_key_that_cannot_be_one_is_refused(gen1, body, words):
    answer = gen1.http.post("/api/control/provider-keys", json=body, headers=gen1.header)
    assert (answer.status_code, words in answer.json()["error"]) == (400, True)


@pytest.mark.parametrize("given", [None, [], {}, {"A": 5}, {"A": "abc"}, {"A": "x" * 9000}, {"A B": "value"}])
def test_a_secret_that_cannot_be_one_is_refused(gen1, given):
    answer = gen1.http.post("/api/secrets", json={"client_id": gen1.client_id, "secrets": given})
    assert (answer.status_code, list(answer.json())) == (400, ["error"])


def test_a_client_has_fifty_secrets_at_most(gen1):
    secrets(gen1, **{f"N{number}": "value" for number in range(50)})
    body = {"client_id": gen1.client_id, "secrets": {"ONE_MORE": "value"}}
    assert gen1.http.post("/api/secrets", json=body).status_code == 400
    secrets(gen1, N7="another")


def test_without_a_key_to_encrypt_the_feature_is_off_and_says_so(backend, worker):
    process, url = backend.web(AOMI_ENCRYPTION_KEY="")
    gen1 = Gen1(url)
    gen1.poll(client_id=gen1.client_id)
    gen1.send("remember 1", client_id=gen1.client_id)
    assert gen1.finish()["messages"]
    query, header = {"client_id": gen1.client_id}, gen1.header
    for answer in (
        gen1.http.get("/api/control/provider-keys", headers=header),
        gen1.http.post("/api/control/provider-keys", json={"provider": "x", "api_key": "x"}, headers=header),
        gen1.http.delete("/api/control/provider-keys/x", headers=header),
        gen1.http.post("/api/secrets", json=query | {"secrets": {"A": "value"}}),
        gen1.http.delete("/api/secrets", params=query),
        gen1.http.delete("/api/secrets/A", params=query),
    ):
        assert answer.status_code == 501
        assert "AOMI_ENCRYPTION_KEY" in answer.json()["error"]
    process.stop()
