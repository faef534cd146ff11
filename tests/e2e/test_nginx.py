"""nginx from Debian, with deploy/nginx.conf itself, before two webs and two workers: what it must not break."""

from __future__ import annotations

import json
import random
import re
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import pytest

from tests.chaos.people import Listener, Person
from tests.chaos.site import standing
from tests.chaos.verdict import Verdict
from tests.support.backend import free_port
from tests.support.client import PLAIN, Client, fetch
from tests.support.document import made
from tests.support.nginx import nginx_running
from tests.support.patience import kept, patient, setting, until
from tests.support.servers import Silence, StepwiseText, Text

pytestmark = pytest.mark.long

PEOPLE = 12

HABITS = (Person.talk, Person.use_tools, Person.come_back, Person.hurry, Person.watch)
"""What they do while all is restarted: nothing that may end otherwise than whole."""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A site of its own behind nginx: its processes are restarted."""
    folder = tmp_path_factory.mktemp("nginx")
    site_running = standing(folder, lease=2, AOMI_GRACE=setting(10), AOMI_KEEP_ALIVE="0.5")
    with site_running as site, nginx_running(folder, site.web_addresses()) as site.front:
        site.logged = folder / "aomi.log"
        yield site


@pytest.fixture
def client(site):
    return Client(site.front, site.key)


def test_tokens_arrive_one_by_one(site, client):
    """Each is read before the provider sends the next one."""
    pieces = StepwiseText(["one ", "two ", "three "])
    text = site.provider.script("one by one", pieces.answer)
    with client.chat(text, app="scripted", model="scripted") as stream:
        for piece in ("one ", "two ", "three "):
            pieces.send()
            assert stream.next()["content"] == piece
        assert list(stream.events()) == [{"type": "complete"}]
    assert stream.headers["content-type"].startswith("text/event-stream")


def test_a_silent_stream_stays_open_and_a_stop_arrives_in_time(site, client):
    text = site.provider.script("a stop", [Text(["one "]), Silence()])

    def stop() -> float:
        with client.chat(text, app="scripted") as stream:
            stream.next("text")
            asked = time.monotonic()
            assert client.interrupt()
            assert list(stream.events()) == [{"type": "complete", "interrupted": True}]
            return time.monotonic() - asked

    kept(1, stop)


def test_an_answer_is_resumed_at_the_address_that_came_with_it(site, client):
    text = site.provider.script("an address", [Text(["one ", "two "])])
    with client.chat(text, app="scripted") as stream:
        whole = list(stream.events())
    again = client.get(stream.headers["location"])
    assert [json.loads(line[6:]) for line in again.text.splitlines() if line.startswith("data: ")] == whole


def test_a_file_may_be_larger_than_other_bodies(client):
    client.post("/api/sessions")
    text = b"a line\n" * 300_000
    answer = client.post("/api/files", content=text)
    assert (answer.status_code, answer.json()["bytes"]) == (201, len(text))
    assert client.get(f"/api/files/{answer.json()['file_id']}").content == text
    refused = client.post("/api/files", content=b"a" * (5 * 1024 * 1024 + 1))
    assert (refused.status_code, "5,242,880" in refused.json()["error"]) == (413, True)


@pytest.mark.parametrize("send", ["declared", "chunked"])
def test_a_body_above_the_bound_is_refused_in_json(client, send):
    body = b"x" * (1024 * 1024 + 1)
    answer = client.post("/api/chat", content=body if send == "declared" else iter([body]))
    assert (answer.status_code, answer.json()) == (413, {"error": "The request body is too large: at most 1 MiB"})


def test_the_longest_text_and_the_longest_query_pass(site, client):
    long = site.provider.script("é" * 32_000, [Text(["ok"])])
    assert client.ask(long, app="scripted")[-1] == {"type": "complete"}
    answer = client.get("/api/state", params={"session_id": client.session_id, "user_state": "x" * 60_000})
    assert answer.status_code in (200, 400), answer.text


def test_what_is_no_request_is_refused_in_json(site):
    answer = fetch(f"{site.front}/api/state", headers={"X-Long": "x" * 80_000})
    assert (answer.status_code, list(answer.json())) == (400, ["error"])


def test_without_a_web_the_refusal_is_json_and_says_when_to_come_again(tmp_path):
    with nginx_running(tmp_path, [f"http://127.0.0.1:{free_port()}" for _ in range(2)]) as url:
        answer = fetch(f"{url}/api/chat", "POST", json={"text": "x"})
    assert (answer.status_code, answer.headers["retry-after"], list(answer.json())) == (502, "1", ["error"])
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["server"] == "nginx"


def test_a_page_may_have_more_than_six_threads_over_http_2(site, tmp_path):
    """With the lines for TLS that the file has ready. Aomi's React runtime holds one stream open for each thread."""
    with nginx_running(tmp_path, site.web_addresses(), tls=True) as url, ExitStack() as open_streams:
        one = httpx.Limits(max_connections=1)
        page = open_streams.enter_context(httpx.Client(http2=True, limits=one, timeout=patient(30), **PLAIN))
        for _ in range(8):
            header = {"X-Session-Id": str(uuid.uuid4())}
            stream = open_streams.enter_context(page.stream("GET", f"{url}/api/updates", headers=header))
            assert stream.http_version == "HTTP/2"
            assert '"type":"state"' in next(text for text in stream.iter_text() if "data:" in text)
        answer = page.post(f"{url}/api/sessions", headers=header)
        assert (answer.status_code, answer.headers["strict-transport-security"]) == (200, "max-age=31536000")


def test_metrics_are_shown_to_this_machine(site):
    assert "aomi_turns_total" in fetch(f"{site.front}/metrics").text


def test_no_log_has_a_session_id(site, client):
    client.post("/api/sessions")
    client.get(f"/api/sessions/{client.session_id}")
    client.state()
    assert client.get(f"/api/sessions/{client.session_id}/threads/x").status_code == 405
    logged = site.logged.read_text()
    assert '"GET /api/sessions/-" 200' in logged
    assert client.session_id not in logged
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}", logged)


ID = "resp_9Yx-4f"

MISSPELT = [
    *("/agui/threads/{id}", "/agui/thread/{id}", "/api/session/{id}", "/{id}/api/state", "/v2/responses/{id}"),
    *("/docs/api/sessions/{id}", "/playground/{id}", "/api/sessions/threads/{id}", "/api/sessions/1/{id}"),
    *("/api/chat/{id}", "/api/control/provider-key/{id}", "/v1/responses/1/items/{id}", "/{id}"),
]


@pytest.mark.parametrize("name", [ID, "secretword"])
@pytest.mark.parametrize("path", [*(path for path in made()["paths"] if "{" in path), *MISSPELT])
def test_no_path_in_the_log_has_an_id(site, client, path, name):
    logged = logged_by(site, client, re.sub(r"\{\w+\}", name, path), made()["paths"].get(path, ["get"]))
    assert name not in "".join(logged)
    assert path in MISSPELT or path.startswith("/api/control/{") or "-" not in logged


@pytest.mark.parametrize("path", ["/", "/docs", "/metrics", *(path for path in made()["paths"] if "{" not in path)])
def test_a_path_without_an_id_is_logged(site, client, path):
    assert logged_by(site, client, path, ["head"]) == [path]


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (f"/api/sessions/{ID}/threads/{ID}/messages", "/api/sessions/-/threads"),
        (f"/ai/chat/{ID}/stream", "/ai/chat/-/stream"),
        (f"/v1/responses/{ID}/input_items", "/v1/responses/-/input_items"),
        (f"/copilotkit/agent/default/stop/{ID}", "/copilotkit/agent/-/stop"),
        ("/api/control/wallet_result", "/api/control/wallet_result"),
        ("/agui/default", "/agui/-"),
    ],
)
def test_the_words_of_a_path_are_logged(site, client, path, shown):
    assert logged_by(site, client, path, ["get"]) == [shown]


def logged_by(site, client, path, verbs):
    """The paths in the log of such requests."""
    before = len(site.logged.read_text().splitlines())
    for verb in verbs:
        client.request(verb.upper(), path)
    until(lambda: len(site.logged.read_text().splitlines()) >= before + len(verbs), what="the lines of the log")
    return re.findall(r'"[A-Z]+ (\S+)" ', "\n".join(site.logged.read_text().splitlines()[before:]))


@pytest.mark.exhaustive
def test_a_rolling_restart_under_load_loses_no_turn(site):
    over, broken = threading.Event(), []
    with ThreadPoolExecutor(PEOPLE * 4) as pool:
        people = [Person(site, f"rolling-{number}", pool) for number in range(PEOPLE)]
        listeners = [Listener(site, person.session_id, f"{number}") for number, person in enumerate(people)]
        lives = [threading.Thread(target=_live, args=(person, over, broken)) for person in people]
        for thread in (*listeners, *lives):
            thread.start()
        for restart in (site.restart_worker, site.restart_web):
            for place in (0, 1):
                restart(place)
        until(lambda: broken or all(len(person.sent) > 3 for person in people), 60, "more messages")
        over.set()
        for thread in lives:
            thread.join()
        verdict = Verdict(site, people, listeners)
        verdict.reach()
        for listener in listeners:
            listener.end()
    sent = [sent for person in people for sent in person.sent]
    assert not broken + verdict.broken, (broken + verdict.broken)[:3]
    assert [one for one in sent if one.end != {"type": "complete"}] == []
    assert any(one.reconnects for one in sent)
    assert "Traceback" not in site.logs()


def _live(person: Person, over: threading.Event, broken: list[str]) -> None:
    rng = random.Random(person.session_id)
    while not (over.wait(rng.uniform(0.3, 1)) or broken):
        try:
            rng.choice(HABITS)(person)
        except AssertionError as error:
            broken.append(str(error))
