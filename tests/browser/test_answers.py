"""Answers: they stream as Markdown, their tools are cards, they stop at once, and failures say what to do."""

from __future__ import annotations

import re
import threading

import httpx
import pytest
from playwright.sync_api import expect

from tests.support.backend import until
from tests.support.patience import kept, patient
from tests.support.servers import Calls, Cut, Fail, Held, Silence, Text

MARKDOWN = (
    "# Plan\n\nSome **bold** and a [link](https://example.org).\n\n| Coin | Price |\n|---|---:|\n| ETH | 3,500 |\n\n"
    "```python\nprint('hello')\n```\n"
)
HOSTILE = (
    "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    '<a href="javascript:alert(1)">a</a> [b](javascript:alert(1)) <form action=/x><button>c</button></form>'
    "<p style='position:fixed'>d</p>\n\n![e](https://elsewhere.example/pixel.png)"
)


def test_an_answer_streams_as_markdown(scripted, provider):
    seen = threading.Event()
    provider.script("markdown", [Text(["# Plan\n\nSome **bo"]), Held(seen), Text([MARKDOWN[17:]])])
    scripted.say("markdown")
    turn = scripted.turns.last
    expect(turn.get_by_role("heading", name="Plan")).to_be_visible()
    expect(turn).to_have_attribute("aria-busy", "true")
    seen.set()
    expect(turn.locator("strong")).to_have_text("bold")
    expect(turn.get_by_role("cell", name="3,500")).to_have_attribute("align", "right")
    expect(turn.get_by_role("link", name="link")).to_have_attribute("rel", "noopener noreferrer")
    expect(turn.get_by_role("button", name="Copy the code")).to_be_visible()
    expect(turn).to_have_attribute("aria-busy", "false")


@pytest.mark.long
def test_what_a_model_writes_can_neither_run_nor_load_anything(scripted, provider):
    provider.script("hostile", [Text([HOSTILE, "\n\nthe end"])])
    asked = []
    scripted.page.on("request", lambda request: asked.append(request.url))
    scripted.say("hostile")
    prose = scripted.turns.last.locator(".prose")
    expect(prose).to_contain_text("the end")
    expect(prose.locator("script, img, form, button, [style], [onerror], a[href^=javascript]")).to_have_count(0)
    expect(prose.get_by_role("link", name="e")).to_have_attribute("href", "https://elsewhere.example/pixel.png")
    assert "owned" not in scripted.page.title()
    assert all("inline" in complaint for complaint in scripted.complaints)  # the browser refused it as well
    scripted.complaints.clear()
    assert not [url for url in asked if not url.startswith(scripted.url)]


def test_a_tool_call_is_a_card_that_opens(here):
    here.say("What is the current price of ETH?")
    card = here.page.locator("details.card")
    expect(card.locator(".card-state")).to_have_text("done")
    expect(card.locator("summary .card-time")).to_have_text(re.compile(r"\d+ ms|[\d.]+ s"))
    expect(card.get_by_role("group", name="Arguments")).to_be_hidden()
    card.locator("summary").press("Enter")
    expect(card.get_by_role("group", name="Arguments")).to_contain_text('"symbol": "ETH"')
    expect(card.get_by_role("group", name="Result")).to_contain_text('"price": 3500')
    expect(card.locator(".card-when")).to_contain_text("Called at")
    expect(here.turns.last).to_contain_text("$3,500.00.")


@pytest.mark.long
def test_a_tool_that_failed_says_so(scripted, provider):
    provider.script("explode", [Calls([("Explode", {})])], [Text(["Sorry."])])
    scripted.say("explode")
    expect(scripted.page.locator(".card-state")).to_have_text("failed")
    scripted.page.locator(".card summary").click()
    expect(scripted.page.get_by_role("group", name="Error")).to_contain_text("error")


@pytest.mark.long
def test_steps_of_a_tool_come_after_the_answer_has_ended(here):
    here.say("Watch the price of BTC 3 times every 0.4 seconds")
    card = here.page.locator("details.card")
    card.locator("summary").click()
    expect(card.get_by_role("group", name="Result")).to_contain_text('"step": 1')
    expect(card.locator(".steps li")).to_have_count(2)
    expect(card.locator(".steps")).to_contain_text('"step":3')
    expect(card.locator(".card-state")).to_have_text("done")
    here.page.reload()
    expect(here.page.locator(".steps li")).to_have_count(2)


def test_a_stop_is_on_the_screen_at_once_though_the_provider_is_silent(scripted, provider, client):
    provider.script("silent", [Text(["So far"]), Silence()])

    def stop() -> float:
        scripted.say("silent")
        expect(scripted.turns.last).to_contain_text("So far")
        expect(scripted.turns.last.locator(".ending")).to_have_count(0)
        milliseconds = scripted.page.evaluate(
            """async () => {
              const began = performance.now(), endings = () => document.querySelectorAll('.ending').length;
              const before = endings();
              document.querySelector('[data-do=stop]').click();
              while (endings() === before) await new Promise((done) => setTimeout(done, 1));
              return performance.now() - began;
            }"""
        )
        return milliseconds / 1000

    kept(0.1, stop)
    expect(scripted.button("Stop the reply")).to_be_hidden()
    until(lambda: client.state()["status"] == "interrupted")
    expect(scripted.turns.last.locator(".ending")).to_contain_text("Stopped")
    expect(scripted.turns.last).to_contain_text("So far")


@pytest.mark.long
def test_escape_stops_and_one_can_go_on(here):
    here.say("count to 5000")
    expect(here.turns.last).to_contain_text("1 2 3")
    here.page.keyboard.press("Escape")
    expect(here.turns.last.locator(".ending")).to_be_visible()
    here.say("remember 42")
    expect(here.turns).to_have_count(2)
    expect(here.turns.last).to_contain_text("I will remember 42.")
    assert "5000" not in here.turns.first.inner_text()


@pytest.mark.long
def test_messages_sent_while_busy_wait_and_are_answered_in_order(scripted, provider):
    asked = threading.Event()
    provider.script("slow", [Text(["first"]), Held(asked)])
    for number in ("two", "three"):
        provider.script(number, [Text([f"answer {number}"])])
    scripted.say("slow")
    expect(scripted.turns.last).to_contain_text("first")
    scripted.say("two")
    scripted.say("three")
    expect(scripted.page.get_by_text("Waiting for the previous reply")).to_have_count(2)
    asked.set()
    expect(scripted.turns).to_have_count(3)
    expect(scripted.turns.last).to_contain_text("answer three")
    words = scripted.page.locator(".said .words, .turn .prose")
    expect(words).to_have_text(["slow", "first", "two", "answer two", "three", "answer three"])
    expect(scripted.page.locator(".badge:not([hidden])")).to_have_count(0)


@pytest.mark.long
def test_a_message_for_which_there_is_no_place_comes_back(scripted, provider, client):
    provider.script("long", [Text(["on it"]), Silence()])
    scripted.say("long")
    expect(scripted.turns.last).to_contain_text("on it")
    for number in range(8):
        scripted.say(f"waits {number}")
    expect(scripted.page.get_by_text("Waiting for the previous reply")).to_have_count(8)
    scripted.say("one too many")
    expect(scripted.page.get_by_role("alert")).to_contain_text("Wait for a reply, or stop the running one")
    expect(scripted.box).to_have_value("one too many")
    client.request("DELETE", f"/api/sessions/{client.session_id}")


@pytest.mark.long
def test_a_failed_answer_says_what_to_do_and_can_be_sent_again(scripted, provider):
    provider.script("flaky", [Text(["It begins"]), Cut()], [Text(["It works."])])
    scripted.say("flaky")
    failure = scripted.page.get_by_role("group", name="The reply failed")
    expect(failure).to_contain_text("The model's provider")
    expect(failure).to_contain_text("choose another model")
    scripted.page.reload()
    expect(failure).to_be_visible()
    failure.get_by_role("button", name="Try again").click()
    expect(scripted.turns.last).to_contain_text("It works.")


@pytest.mark.long
def test_a_failure_without_a_word_of_an_answer_stays_where_it_was(scripted, provider):
    provider.script("refused", [Fail(400)])
    provider.script("after", [Text(["fine"])])
    scripted.say("refused")
    expect(scripted.page.locator(".failure")).to_be_visible()
    scripted.say("after")
    expect(scripted.turns.last).to_contain_text("fine")
    kinds = scripted.page.locator("#log > *").evaluate_all("all => all.map((one) => one.classList[0])")
    assert kinds == ["said", "turn", "said", "turn"]
    expect(scripted.turns.first.locator(".failure")).to_be_visible()


@pytest.mark.long
def test_a_message_that_could_not_be_sent_comes_back(here):
    here.intercept("**/api/**", lambda route: route.abort())
    here.say("are you there?")
    expect(here.page.get_by_role("alert")).to_contain_text("The server cannot be reached.")
    expect(here.box).to_have_value("are you there?")
    here.page.unroute("**/api/**")
    here.box.press("Enter")
    expect(here.turns.last).to_contain_text("are you there?")
    expect(here.page.get_by_role("alert")).to_have_count(0)


@pytest.mark.long
def test_a_page_that_was_loaded_while_the_server_is_away_waits_for_it(here):
    here.say("remember 5")
    expect(here.turns.last).to_contain_text("I will remember 5.")
    here.intercept("**/api/**", lambda route: route.abort())
    here.page.reload()
    expect(here.page.locator("#offline")).to_contain_text("The connection is lost")
    here.page.unroute("**/api/**")
    expect(here.turns.last).to_contain_text("I will remember 5.")
    expect(here.page.locator("#offline")).to_be_hidden()


def test_an_address_that_names_no_session_says_so(tab):
    page = tab().open("nonsense")
    expect(page.page.get_by_role("alert")).to_contain_text("start a new conversation")


def test_a_stream_that_breaks_off_is_resumed_where_it_broke(here):
    def cut(route):
        request = route.request
        with httpx.stream(
            "POST", request.url, headers=request.headers, content=request.post_data or "", timeout=patient(20)
        ) as answer:
            body = b""
            for part in answer.iter_raw():
                body += part
                if body.count(b"\n\n") > 5:
                    break
            headers = {name: answer.headers[name] for name in ("content-type", "location")}
        route.fulfill(status=200, headers=headers, body=body[: body.rindex(b"\n\n") + 2])

    here.intercept("**/api/chat?ids=1&reasoning=1", cut)
    with here.page.expect_request(lambda request: ":" in request.headers.get("last-event-id", "")):
        here.say("count to 40")
    expect(here.turns.last).to_have_attribute("aria-busy", "false")
    expect(here.turns.last.locator(".prose")).to_have_text(" ".join(map(str, range(1, 41))))


def test_an_answer_goes_on_after_a_reload(scripted, provider):
    reloaded = threading.Event()
    provider.script("reload", [Text(["1 2 3 "]), Held(reloaded), Text(["4 5 6"])])
    scripted.say("reload")
    expect(scripted.turns.last).to_contain_text("1 2 3")
    scripted.page.reload()
    expect(scripted.turns.last).to_have_attribute("aria-busy", "true")
    expect(scripted.button("Stop the reply")).to_be_visible()
    reloaded.set()
    expect(scripted.turns.last.locator(".prose")).to_have_text("1 2 3 4 5 6")
    expect(scripted.turns).to_have_count(1)


@pytest.mark.parametrize(("words", "sent"), [("Count to 300", "Count to 300"), ("Ask for a price", "price of ETH?")])
def test_an_example_of_the_app_is_sent(here, words, sent):
    here.page.get_by_role("button", name=words).click()
    expect(here.turns).to_have_count(1)
    expect(here.said).to_contain_text(sent)
    expect(here.page.locator("#empty")).to_be_hidden()
    here.page.keyboard.press("Escape")
