"""Tool calls that wait for a person: cards that approve, decline, and take a result."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.test_axe import RUN
from tests.clients import npm
from tests.support.servers import Calls, Text

pytestmark = pytest.mark.long

MAP = {"name": "ShowMap", "parameters": {"properties": {"at": {}}}}
NOTHING_LEFT = "There is nothing to answer any more."


@pytest.fixture
def asking(tab, profile, client, key):
    """The page, with a conversation with the app `asking`: `client` has the same session."""
    client.post("/api/sessions", json={"app": "asking"})
    profile.add_init_script(f"sessionStorage['aomi.key'] ??= {key!r}")
    return tab().open(client.session_id)


def cards(page):
    return page.page.locator("#calls [role=group]")


def arguments(page):
    return page.page.get_by_label("Arguments (JSON)")


def results(client):
    return [one["result"] for message in client.state()["messages"] for one in message.get("tool_results", ())]


def test_calls_are_edited_approved_and_declined_on_any_tab_and_after_a_reload(asking, tab, client, provider):
    pays = [("Pay", {"to": "Bob", "amount": 500}), ("Pay", {"to": "Eve", "amount": 1234567890123456789})]
    text = provider.script("pay on the page", [Calls([*pays, ("Repeat", {"word": "a"})])], [Text(["All done."])])
    asking.say(text)
    expect(cards(asking)).to_have_count(3)
    expect(cards(asking).last).to_have_accessible_name("Run Repeat?")
    expect(asking.page.locator("#status")).to_have_text("Pay and Pay and Repeat: waiting for your answer")
    expect(asking.box).to_have_accessible_description(re.compile("A message instead of an answer declines"))
    expect(asking.button("Approve all 3")).to_be_visible()

    other = tab().open(client.session_id)
    expect(cards(other)).to_have_count(3)
    cards(other).last.get_by_role("button", name="Decline", exact=True).click()
    other.page.keyboard.type("not now")
    other.page.keyboard.press("Enter")
    expect(cards(other)).to_have_count(2)
    expect(cards(asking)).to_have_count(2)

    asking.page.reload()
    expect(arguments(asking).last).to_have_value(re.compile("1234567890123456789"))
    arguments(asking).first.fill('{"to": "Bob", "amount":')
    asking.button("Approve all 2").click()
    expect(asking.page.get_by_text("The arguments must be a JSON object")).to_be_visible()
    expect(arguments(asking).first).to_be_focused()
    arguments(asking).first.fill('{"to": "Bob", "amount": 9876543210987654321}')
    asking.button("Approve all 2").click()
    for page in (asking, other):
        expect(page.turns.last).to_contain_text("All done.")
        expect(page.page.locator(".card-state")).to_have_text(["done", "done", "failed"])
        expect(page.page.locator("#calls")).to_be_hidden()
    assert {"paid": 9876543210987654321, "to": "Bob"} in results(client)
    assert {"paid": 1234567890123456789, "to": "Eve"} in results(client)
    assert {"error": "declined", "message": "not now"} in results(client)


ASKS = {
    "call_id": "call_1",
    "name": "hotel__book",
    "args": {"city": "Rome"},
    "kind": "elicitation",
    "expires_at": "2099-01-16T10:30:00.000Z",
    "message": "How many seats?",
    "schema": {
        "type": "object",
        "properties": {
            "seats": {"type": "integer", "title": "Seats"},
            "smoking": {"type": "boolean"},
            "meal": {"type": "string", "oneOf": [{"const": "l", "title": "Lunch"}, {"const": "d", "title": "Dinner"}]},
            "note": {"type": "string", "description": "For the waiter"},
        },
        "required": ["seats"],
    },
}
VISIT = {name: ASKS[name] for name in ("name", "args", "kind", "expires_at", "message")}


def test_a_question_of_a_server_is_a_form_and_its_page_a_link_that_only_the_user_opens(asking, client):
    """The server's part of it is in tests/e2e/test_mcp.py."""
    pending = [ASKS, VISIT | {"call_id": "call_2", "url": "https://pay.example.com/1"}]
    asking.intercept("**/api/state?*", lambda route: route.fulfill(json=client.state() | {"pending": pending}))
    asking.intercept("**/api/chat?ids=1*", lambda route: route.abort())
    asking.page.reload()
    form = cards(asking).first
    expect(form).to_have_accessible_name("hotel__book asks you")
    expect(form).to_contain_text("How many seats?")
    form.get_by_role("button", name="Answer").click()
    expect(form.get_by_role("alert")).to_have_text("seats is needed.")
    form.get_by_label("Seats").fill("2")
    form.get_by_label("smoking (optional)").select_option("No")
    form.get_by_label("meal (optional)").select_option("Dinner")
    with asking.page.expect_request("**/api/chat?ids=1*") as sent:
        form.get_by_role("button", name="Answer").click()
    answer = {"call_id": "call_1", "approve": True, "result": {"seats": 2, "smoking": False, "meal": "d"}}
    assert sent.value.post_data_json["answers"] == [answer]
    link = cards(asking).last.get_by_role("link", name="https://pay.example.com/1")
    expect(link).to_have_attribute("rel", "noopener noreferrer")


def test_a_refusal_is_beside_its_card_and_a_message_or_an_answer_elsewhere_closes_it(asking, client, provider):
    text = provider.script("map on the page", [Calls([("ShowMap", {"at": "Rome"})])], [Text(["There it is."])])
    client.ask(text, app="asking", tools=[MAP])
    expect(cards(asking).first).to_have_accessible_name("ShowMap is for you to run")
    result = asking.page.get_by_label("Result (JSON or text)")
    result.fill("x" * 300_000)
    asking.button("Send the result").click()
    expect(asking.page.get_by_role("alert").filter(has_text="may have at most")).to_be_visible()

    asking.intercept("**/api/chat?ids=1*", lambda route: answer_first(client, route))
    result.fill('{"shown": true}')
    asking.button("Send the result").click()
    expect(asking.page.get_by_role("alert").filter(has_text=NOTHING_LEFT)).to_be_visible()
    expect(asking.turns.last).to_contain_text("There it is.")
    asking.button("Close").click()
    expect(asking.box).to_be_focused()
    assert results(client) == ["elsewhere"]
    asking.page.unroute("**/api/chat?ids=1*")

    asking.say(provider.script("repeat on the page", [Calls([("Repeat", {"word": "a"})])]))
    expect(asking.button("Approve")).to_be_visible()
    asking.say(provider.script("never mind on the page", [Text(["All right."])]))
    expect(asking.turns.last).to_contain_text("All right.")
    expect(asking.page.locator("#calls")).to_be_hidden()
    assert results(client)[-1]["error"] == "declined"


def answer_first(client, route):
    """An answer of another client arrives before that of the page."""
    (waiting,) = client.state()["pending"]
    client.post("/api/control/answer", json={"answers": [{"call_id": waiting["call_id"], "result": "elsewhere"}]})
    route.continue_()


def test_axe_finds_nothing_and_nothing_is_wider_than_the_page(asking, client, provider):
    calls = [("Repeat", {"word": "long" * 40}), ("ShowMap", {"at": "Rome"})]
    client.ask(provider.script("all kinds", [Calls(calls)]), app="asking", tools=[MAP])
    asking.page.set_viewport_size({"width": 320, "height": 760})
    asking.page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    asking.button("Decline").first.click()
    arguments(asking).fill("[]")
    asking.button("Approve").click()
    expect(asking.page.get_by_text("must be a JSON object")).to_be_visible()
    asking.page.evaluate(npm.program("axe-core/axe.min.js").read_text())
    assert asking.page.evaluate(RUN) == []
    assert asking.page.evaluate("document.querySelector('#scroll').scrollWidth") <= 320
