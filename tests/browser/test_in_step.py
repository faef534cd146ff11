"""Two tabs of one session show the same; what a tool asks of the person is answered in a form."""

from __future__ import annotations

import json
import threading

import pytest
from playwright.sync_api import expect

from tests.support.servers import Calls, Held, Text

pytestmark = pytest.mark.exhaustive

TO = "0x" + "ab" * 20
HASH = "0x" + "12" * 32
TX = {"to": TO, "value": "1500000000000000000", "data": "0x", "chain_id": 1, "label": "Pay Bob"}
TYPED = {"domain": {"chainId": 10}, "types": {"Mail": []}, "primaryType": "Mail", "message": {"to": "Bob"}}

SET_HIDDEN = """(hidden) => {
  Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
  document.dispatchEvent(new Event('visibilitychange'));
}"""
"""Makes the page believe that its tab is in the background, or in front again."""


def reply(provider, tool, result, words):
    """What the model says to a person's answer."""
    text = f"[The client's answer to {tool}, request 1] {json.dumps(result, separators=(',', ':'))}"
    provider.script(text, [Text([words])])


def request(page):
    return page.page.locator("form.request")


@pytest.fixture
def ask(scripted, provider):
    """Has a tool ask for something; returns its form."""

    def asked(tool, args, name):
        text = f"{name} {scripted.url[-5:]}"
        provider.script(text, [Calls([(tool, args)])], [Text(["Please answer."])])
        scripted.say(text)
        form = scripted.page.get_by_role("form", name=name)
        expect(form).to_be_visible()
        return form

    return asked


def test_a_message_and_its_answer_appear_in_the_other_tab_while_they_come(scripted, tab, provider):
    seen = threading.Event()
    provider.script("in both", [Text(["1 2 3 "]), Held(seen), Text(["4 5 6"])])
    scripted.say("hello")
    expect(scripted.turns.last).to_have_attribute("aria-busy", "false")
    other = tab().open(scripted.session_id)
    expect(other.turns).to_have_count(1)
    expect(other.turns.last).to_have_attribute("aria-busy", "false")
    scripted.say("in both")
    expect(other.said.last).to_contain_text("in both")
    expect(other.turns.last).to_have_attribute("aria-busy", "true")
    expect(other.button("Stop the reply")).to_be_visible()
    expect(other.turns.last).to_contain_text("1 2 3")
    seen.set()
    for page in (other, scripted):
        expect(page.turns.last.locator(".prose")).to_have_text("1 2 3 4 5 6")
    expect(other.turns).to_have_count(2)


def test_a_stop_title_and_model_of_one_tab_reach_the_other(here, tab):
    here.say("count to 5000")
    expect(here.turns.last).to_contain_text("1 2")
    other = tab().open(here.session_id)
    expect(other.turns.last).to_contain_text("1 2")
    other.button("Stop the reply").click()
    expect(here.turns.last.locator(".ending")).to_be_visible()
    here.page.get_by_role("combobox", name="Model").select_option("scripted")
    expect(other.page.get_by_role("combobox", name="Model")).to_have_value("scripted")
    other.button("Rename: count to 5000").click()
    other.page.keyboard.type("Long")
    other.page.keyboard.press("Enter")
    expect(here.page.get_by_role("heading", level=1)).to_have_text("Long")
    expect(here.rows).to_have_text(["Long"])


def test_a_tab_that_nobody_looks_at_holds_no_connection_and_catches_up(scripted, client):
    scripted.say("hello")
    expect(scripted.turns.last).to_contain_text("ok")
    with scripted.page.expect_event("requestfailed", lambda request: "/api/updates" in request.url):
        scripted.page.evaluate(SET_HIDDEN, True)
    client.ask("hello again", app="scripted")
    with scripted.page.expect_request("**/api/updates"):
        scripted.page.evaluate(SET_HIDDEN, False)
    expect(scripted.said.last).to_contain_text("hello again")
    expect(scripted.turns).to_have_count(2)


def test_a_tab_that_comes_back_while_the_server_is_away_catches_up_later(scripted, client):
    scripted.page.evaluate(SET_HIDDEN, True)
    client.ask("hello", app="scripted")
    scripted.intercept("**/api/**", lambda route: route.abort())
    scripted.page.evaluate(SET_HIDDEN, False)
    expect(scripted.page.locator("#offline")).to_be_visible()
    scripted.page.unroute("**/api/**")
    expect(scripted.said.last).to_contain_text("hello")
    client.ask("hello again", app="scripted")
    expect(scripted.said.last).to_contain_text("hello again")


def test_a_tab_that_was_opened_before_its_session_exists_follows_it(tab, client):
    page = tab().open(client.session_id)
    client.ask("remember 1")
    expect(page.turns.last).to_contain_text("I will remember 1.")
    client.ask("remember 2")
    expect(page.turns.last).to_contain_text("I will remember 2.")
    expect(page.said).to_have_count(2)


def test_a_turn_that_ended_before_the_subscription_of_its_new_session_began_is_shown(tab, client):
    page, held = tab(), []
    page.page.route("**/api/updates", lambda route: held.append(route))
    page.open(client.session_id)
    expect(page.page.locator("#empty")).to_be_visible()
    client.ask("remember 1")
    held[0].continue_()
    expect(page.turns.last).to_contain_text("I will remember 1.")


def test_a_subscription_to_a_session_that_is_not_found_tries_again(tab, client):
    page = tab()
    page.page.route("**/api/updates", lambda route: route.fulfill(status=404, json={"error": "No such session"}))
    with page.page.expect_response("**/api/updates"):
        page.open(client.session_id)
    page.page.unroute("**/api/updates")
    client.ask("remember 1")
    expect(page.turns.last).to_contain_text("I will remember 1.")
    expect(page.page.get_by_role("alert")).to_have_count(0)


def test_messages_that_wait_stand_in_both_tabs_in_order(scripted, tab, provider):
    asked = threading.Event()
    provider.script("slow one", [Text(["first"]), Held(asked)])
    scripted.say("slow one")
    expect(scripted.turns.last).to_contain_text("first")
    other = tab().open(scripted.session_id)
    expect(other.turns.last).to_contain_text("first")
    for page, text in ((other, "other one"), (scripted, "third one")):
        with page.page.expect_response(lambda response: "/api/chat?" in response.url):
            page.say(text)
    asked.set()
    for page in (scripted, other):
        words = page.page.locator(".said .words, .turn .prose")
        expect(words).to_have_text(["slow one", "first", "other one", "ok", "third one", "ok"])


def test_a_transaction_is_signed_in_a_form_and_the_model_goes_on(ask, scripted, provider):
    reply(provider, "SendTransactionToWallet", {"status": "success", "txHash": HASH}, "It is paid.")
    form = ask("SendTransactionToWallet", TX, "Pay Bob")
    expect(form).to_contain_text(TO)
    expect(form).to_contain_text("1500000000000000000 wei (1.5 ETH)")
    form.get_by_label("Transaction hash").fill(HASH)
    form.get_by_role("button", name="Sent").click()
    expect(scripted.turns.last).to_contain_text("It is paid.")
    expect(form).to_have_count(0)
    expect(scripted.page.get_by_text("Your reply to a tool")).to_be_visible()


def test_typed_data_is_signed(ask, scripted, provider):
    reply(provider, "SignTypedData", {"status": "success", "signature": "0x51"}, "It is signed.")
    form = ask("SignTypedData", {"typed_data": TYPED, "description": "A mail"}, "A mail")
    expect(form).to_contain_text('"primaryType": "Mail"')
    form.get_by_label("Signature").fill("0x51")
    form.get_by_role("button", name="Signed").click()
    expect(scripted.turns.last).to_contain_text("It is signed.")


def test_a_refusal_is_an_answer_too_and_closes_the_form_in_every_tab(ask, scripted, tab, provider):
    reply(provider, "SendTransactionToWallet", {"status": "failed", "error": "User rejected"}, "As you like.")
    ask("SendTransactionToWallet", TX, "Pay Bob")
    other = tab().open(scripted.session_id)
    expect(request(other)).to_be_visible()
    request(other).get_by_role("button", name="Refuse").click()
    expect(scripted.turns.last).to_contain_text("As you like.")
    expect(request(scripted)).to_have_count(0)


def test_a_request_of_an_app_s_own_kind_takes_any_answer(ask, scripted, provider):
    reply(provider, "PickFile", {"answer": "notes.txt"}, "A fine file.")
    form = ask("PickFile", {"types": ["txt"]}, "A tool needs your reply")
    form.get_by_label("Reply").fill("notes.txt")
    form.get_by_role("button", name="Reply").click()
    expect(scripted.turns.last).to_contain_text("A fine file.")


def test_an_answer_that_comes_too_late_is_explained(ask, scripted, client):
    form = ask("SendTransactionToWallet", TX, "Pay Bob")
    scripted.intercept("**/api/updates", lambda route: route.abort())

    def late(route):
        client.post("/api/control/wallet_result", json={"id": 1, "result": {"status": "failed"}})
        route.continue_()

    scripted.intercept("**/api/control/**", late)
    form.get_by_role("button", name="Refuse").click()
    expect(scripted.page.locator("#log")).to_contain_text("Your reply to a tool")
    expect(form).to_have_count(0)


def test_the_page_shows_a_state_of_a_server_of_the_version_before(scripted, client, provider):
    def without_news(route):
        reply = route.fetch()
        news = ("thread_is_processing", "client_requests")
        route.fulfill(response=reply, json={name: value for name, value in reply.json().items() if name not in news})

    gate = threading.Event()
    provider.script("a question", [Text(["half "]), Held(gate), Text(["whole"])])
    with client.chat("a question", app="scripted"):
        scripted.intercept("**/api/state*", without_news)
        scripted.page.reload()
        expect(scripted.turns.last).to_contain_text("half")
        expect(scripted.turns.last).to_have_attribute("aria-busy", "true")
        gate.set()
    expect(scripted.turns.last).to_contain_text("half whole")
    expect(scripted.turns.last).to_have_attribute("aria-busy", "false")
