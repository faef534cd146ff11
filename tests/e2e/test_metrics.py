"""/metrics: right over all processes, whichever web is asked."""

from __future__ import annotations

import json
import re
import threading
import time
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics

from app import create_app
from app.config import Settings
from app.services import build
from tests.support.backend import until
from tests.support.client import Client, fetch
from tests.support.metrics import Scrape
from tests.support.patience import patient
from tests.support.servers import Fail, Held, Silence, Text

ROOT = Path(__file__).parents[2]


@pytest.fixture
def grown(webs):
    """How much a sample has grown since the test began, as either web says; waits until it has grown at all, unless
    it may be `at_once` as it should be."""
    before = _steady(webs[0])

    def growth(name, at_once=False, **labels):
        def now(url):
            return Scrape(url).value(name, **labels) - before.value(name, **labels)

        until(lambda: at_once or now(webs[0]), what=f"{name} {labels} to grow")
        assert now(webs[0]) == now(webs[1])
        return now(webs[0])

    return growth


def _steady(url):
    """A scrape after which no process reports turns of earlier tests."""
    last = Scrape(url)
    while True:
        time.sleep(patient(0.5))  # longer than AOMI_METRICS_INTERVAL
        now = Scrape(url)
        if now.value("aomi_turns_total") == last.value("aomi_turns_total"):
            return now
        last = now


def test_a_turn_is_counted_once_with_its_times_and_tokens(client, provider, grown):
    began = time.monotonic()
    client.ask(provider.script("count me", [Text(["a", "b"], pause=0.1)]), app="scripted")
    took = time.monotonic() - began
    mine = {"app": "scripted", "model": "scripted"}
    assert grown("aomi_turns_total", **mine, end="complete", code="") == 1
    assert grown("aomi_first_token_seconds_count", **mine) == 1
    assert grown("aomi_turn_seconds_count", **mine) == 1
    assert grown("aomi_queue_wait_seconds_count") == 1
    assert grown("aomi_tokens_total", model="scripted", kind="input") == 7
    assert grown("aomi_tokens_total", model="scripted", kind="output") == 5
    assert 0.2 < grown("aomi_turn_seconds_sum", **mine) < took
    assert grown("aomi_first_token_seconds_sum", **mine) < grown("aomi_turn_seconds_sum", **mine)


def test_an_interrupt_is_counted_by_the_web_and_timed_by_the_worker(client, provider, grown):
    text = provider.script("stop me", [Text(["a"]), Silence()])
    with client.chat(text, app="scripted") as stream:
        stream.next("text")
        began = time.monotonic()
        client.interrupt()
        list(stream.events())
    assert grown("aomi_turns_total", app="scripted", end="interrupted") == 1
    assert grown("aomi_interrupt_seconds_count") == 1
    took = time.monotonic() - began  # the worker may learn of it behind the stream's end
    assert grown("aomi_interrupt_seconds_sum", at_once=True) < took  # 0 if both learned the time a round trip apart


def test_a_provider_that_fails_is_counted_by_model_and_error_at_each_try(client, provider, grown):
    client.ask(provider.script("refused", [Fail(400)]), app="scripted")
    assert grown("aomi_turns_total", app="scripted", end="error", code="provider_error") == 1
    assert grown("aomi_provider_errors_total", model="scripted", error="HTTP 400") == 1
    assert grown("aomi_provider_errors_total", model="small", error="HTTP 400") == 1


def test_open_streams_of_all_webs_are_added_up(webs, key):
    users = [Client(url, key) for url in webs]
    before = Scrape(webs[0]).value("aomi_open_streams")
    with users[0].updates() as first, users[1].updates() as second:
        assert first.next()["type"] == second.next()["type"] == "state"
        until(lambda: Scrape(webs[0]).value("aomi_open_streams") == before + 2)
    until(lambda: Scrape(webs[1]).value("aomi_open_streams") == before)


def test_the_relays_lag_is_noted_while_text_streams(client, provider, grown):
    began = time.monotonic()
    client.ask(provider.script("lag", [Text(["a"] * 10, pause=0.05)]), app="scripted")
    took = time.monotonic() - began
    noted = grown("aomi_relay_lag_seconds_count")
    assert noted >= 1
    assert grown("aomi_relay_lag_seconds_sum", at_once=True) < noted * took


def test_what_a_web_has_counted_outlives_it(backend, webs, grown):
    process, url = backend.web()
    for _ in range(5):
        assert fetch(f"{url}/api/no-such-path").status_code == 404
    assert process.stop() == 0
    assert grown("aomi_http_requests_total", route="an unknown path", status="404") == 5


def test_what_a_web_has_reported_outlives_its_being_killed(backend, webs, grown):
    process, url = backend.web()
    fetch(f"{url}/api/no-such-path")
    assert Scrape(url).value("aomi_processes", kind="web") >= 3
    process.kill()
    assert grown("aomi_http_requests_total", route="an unknown path", status="404") == 1


def test_workers_show_their_turns_and_slots(client, webs, provider):
    seen = threading.Event()
    with client.chat(provider.script("running", [Text(["a"]), Held(seen)]), app="scripted") as stream:
        stream.next("text")
        until(lambda: Scrape(webs[0]).value("aomi_running_turns") >= 1)
        seen.set()
        assert Scrape(webs[0]).value("aomi_turn_slots") >= 100
        assert Scrape(webs[0]).value("aomi_processes", kind="worker") >= 1


def test_nothing_of_a_session_is_in_the_metrics(client, webs, provider):
    client.ask(provider.script("private words", [Text(["ok"])]), app="scripted")
    text = Scrape(webs[0]).text
    assert client.session_id[:8] not in text
    assert "private" not in text
    assert not re.search(r"run_[0-9a-f]{32}", text)


def test_a_made_up_method_is_no_label_of_its_own(webs, grown):
    assert fetch(f"{webs[0]}/api/state", "BREW").status_code == 405
    assert grown("aomi_http_requests_total", method="other", status="405") == 1
    assert "BREW" not in Scrape(webs[0]).text


def test_a_scraper_may_ask_for_openmetrics(webs):
    answer = fetch(f"{webs[0]}/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    names = {family.name for family in openmetrics(answer.text)}
    assert {"aomi_turns", "aomi_turn_seconds", "aomi_open_streams"} <= names


# Settings


def site(redis_url, **settings):
    config = Settings(config=ROOT / "aomi.yaml", REDIS_URL=redis_url, **settings)
    return create_app(build(config)).test_client()


def test_a_token_guards_the_metrics(redis_url):
    guarded = site(redis_url, metrics_token="let me in")
    assert guarded.get("/metrics").status_code == 401
    assert guarded.get("/metrics", headers={"Authorization": "Bearer let me out"}).status_code == 401
    assert guarded.get("/metrics", headers={"Authorization": "Bearer let me in"}).status_code == 200


def test_metrics_can_be_switched_off(redis_url):
    assert site(redis_url, metrics=False).get("/metrics").status_code == 404


def test_without_redis_metrics_are_refused_and_not_half_told():
    assert site("redis://127.0.0.1:1/0").get("/metrics").status_code == 503


# The dashboard


def expressions():
    dashboard = json.loads((ROOT / "deploy/grafana/aomi.json").read_text())
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    return [(panel["title"], target["expr"]) for panel in panels for target in panel["targets"]]


def test_every_panel_asks_for_metrics_that_there_are(webs):
    names = Scrape(webs[0]).names
    for title, expression in expressions():
        asked = set(re.findall(r"\baomi_\w+", expression))
        assert asked, title
        assert asked <= names, title


def test_every_metric_has_a_panel(webs):
    asked = {name for _, expression in expressions() for name in re.findall(r"\baomi_\w+", expression)}
    families = {family.name for family in Scrape(webs[0]).families}
    assert {name for name in families if not any(found.startswith(name) for found in asked)} == set()


def test_the_dashboard_names_no_source_of_its_own():
    text = (ROOT / "deploy/grafana/aomi.json").read_text()
    assert set(re.findall(r'"uid": "([^"]*)"', text)) <= {"${datasource}", "aomi"}


def test_feedback_is_counted_once_a_change(client, grown):
    client.ask("hello")
    reply = {"message_id": client.state()["messages"][1]["id"]}
    for rating in ("up", "up", "down", None, None):
        assert client.post("/api/feedback", json=reply | {"rating": rating}).status_code == 200
    found = {
        rating: grown("aomi_feedback_total", app="default", rating=rating) for rating in ("up", "down", "taken_back")
    }
    assert found == {"up": 1, "down": 1, "taken_back": 1}
