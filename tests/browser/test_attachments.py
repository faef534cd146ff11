"""Files go with a message: by the button; they come back, are shown again, and refusals are in words."""

from __future__ import annotations

import base64

import pytest
from playwright.sync_api import expect

from tests.support.attaching import choose, file, loaded, ready, saving
from tests.support.backend import until
from tests.support.images import PDF, PNG, square
from tests.support.servers import Cut, Text

pytestmark = pytest.mark.exhaustive


def test_files_of_the_button_go_with_the_message_and_the_model_gets_them(seeing, provider):
    provider.script("what are these?", [Text(["A pixel and a price."])])
    choose(seeing, file("pixel.png", PNG, "image/png"), file("prices.txt"))
    ready(seeing, 2)
    seeing.say("what are these?")
    expect(seeing.turns.last).to_contain_text("A pixel and a price.")
    expect(seeing.page.locator(".chip")).to_have_count(0)
    content = provider.requests("what are these?")[-1].messages[-1]["content"]
    assert base64.b64encode(PNG).decode() in str(content)
    assert "prices: 42" in str(content)


def test_a_removed_file_goes_from_the_server_and_the_focus_to_its_neighbour(seeing, client):
    choose(seeing, file("one.txt"), file("two.txt"))
    ready(seeing, 2)
    with seeing.page.expect_response(lambda response: response.request.method == "DELETE") as deleted:
        seeing.button("Remove one.txt").click()
    assert deleted.value.json()["deleted"] is True
    expect(seeing.button("Remove two.txt")).to_be_focused()
    seeing.page.keyboard.press("Enter")
    expect(seeing.page.locator(".chip")).to_have_count(0)
    expect(seeing.box).to_be_focused()


def test_pictures_and_files_of_the_history_are_shown_and_saved(seeing, provider):
    provider.script("keep these", [Text(["Kept."])])
    choose(seeing, file("pixel.png", PNG, "image/png"), file("paper.pdf", PDF, "application/pdf"))
    seeing.say("keep these")
    expect(seeing.turns.last).to_contain_text("Kept.")
    seeing.page.reload()
    picture = seeing.button("Open pixel.png")
    loaded(picture.locator("img"))
    picture.click()
    loaded(seeing.page.get_by_role("dialog", name="Picture").get_by_role("img", name="pixel.png"))
    seeing.page.keyboard.press("Escape")
    expect(seeing.page.get_by_role("dialog")).to_have_count(0)
    expect(picture).to_be_focused()
    with seeing.page.expect_download() as saved:
        saving(seeing, "paper.pdf").click()
    assert saved.value.suggested_filename == "paper.pdf"
    assert saved.value.path().read_bytes() == PDF


def test_a_picture_that_is_loaded_late_leaves_the_end_in_view(seeing, client, provider):
    provider.script("a large one", [Text(["Large."])])
    stored = client.post("/api/files", params={"filename": "square.png"}, content=square(400)).json()["file_id"]
    client.ask("a large one", attachments=[{"file_id": stored}])
    seeing.page.set_viewport_size({"width": 1100, "height": 500})
    seeing.page.reload()
    loaded(seeing.button("Open square.png").locator("img"))
    left = "({ scrollHeight, scrollTop, clientHeight }) => scrollHeight - scrollTop - clientHeight"
    until(lambda: seeing.page.locator("#scroll").evaluate(left) < 2)
    assert seeing.page.locator("#scroll").evaluate("({ scrollTop }) => scrollTop") > 0


def test_a_picture_that_was_deleted_is_said_to_be_gone(seeing, client, provider):
    provider.script("keep it for now", [Text(["Kept."])])
    stored = client.post("/api/files", params={"filename": "pixel.png"}, content=PNG).json()["file_id"]
    client.ask("keep it for now", attachments=[{"file_id": stored}])
    client.request("DELETE", f"/api/files/{stored}")
    seeing.page.reload()
    expect(seeing.said).to_contain_text("pixel.png")
    expect(seeing.said).to_contain_text("no longer available")


def test_a_picture_of_another_server_is_a_link_and_not_loaded(seeing, client, provider):
    provider.script("over there", [Text(["Seen."])])
    asked = []
    seeing.page.on("request", lambda request: asked.append(request.url))
    address = "https://elsewhere.example/pixel.png"
    client.ask("over there", model="seeing", attachments=[{"url": address}])
    expect(seeing.said.get_by_role("link", name="elsewhere.example")).to_have_attribute("href", address)
    assert not [url for url in asked if not url.startswith((seeing.url, "blob:"))]


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"PK\x03\x04\0\0\xff", "PNG, JPEG, WebP or GIF image"), (b"a" * (5 * 2**20 + 1), "5,242,880")],
    ids=["archive", "large"],
)
def test_a_file_that_the_server_refuses_says_why(seeing, data, words):
    choose(seeing, file("archive.zip", data))
    expect(seeing.page.get_by_role("alert")).to_contain_text(words)
    expect(seeing.page.locator(".chip")).to_contain_text("Failed")
    seeing.button("Remove archive.zip").click()
    expect(seeing.page.get_by_role("alert")).to_have_count(0)


def test_more_than_eight_are_not_attached(seeing):
    choose(seeing, *[file(f"{number}.txt") for number in range(9)])
    ready(seeing, 8)
    expect(seeing.page.get_by_role("status").filter(has_text="Not attached: 8.txt.")).to_be_visible()


def test_what_the_model_cannot_take_comes_back_with_the_text(scripted):
    choose(scripted, file("pixel.png", PNG, "image/png"))
    ready(scripted, 1)
    scripted.say("look at this")
    expect(scripted.page.get_by_role("alert")).to_contain_text("does not take images")
    expect(scripted.box).to_have_value("look at this")
    ready(scripted, 1)
    expect(scripted.said).to_have_count(0)


def test_a_message_waits_for_its_uploads_and_one_that_failed_is_tried_again(seeing, provider):
    provider.script("as soon as it is there", [Text(["It is there."])])
    seeing.intercept("**/api/files?*", lambda route: route.abort())
    choose(seeing, file("pixel.png", PNG, "image/png"))
    expect(seeing.page.locator(".chip")).to_contain_text("Failed")
    held = []
    seeing.page.unroute("**/api/files?*")
    seeing.intercept("**/api/files?*", lambda route: held.append(route))
    with seeing.page.expect_request("**/api/files?*"):
        seeing.say("as soon as it is there")
    expect(seeing.page.locator(".badge span")).to_have_text("Sending")
    held[0].continue_()
    expect(seeing.turns.last).to_contain_text("It is there.")
    expect(seeing.button("Open pixel.png")).to_be_visible()


def test_a_file_can_be_attached_to_a_conversation_that_is_new(here):
    choose(here, file("prices.txt"))
    ready(here, 1)
    here.say("remember this")
    expect(here.turns.last).to_contain_text("I will remember")
    expect(saving(here, "prices.txt")).to_be_visible()


def test_attached_files_stay_with_their_conversation(here):
    here.say("remember one")
    expect(here.rows).to_have_text(["remember one"])
    choose(here, file("prices.txt"))
    ready(here, 1)
    here.page.keyboard.press("Alt+n")
    expect(here.page.locator(".chip")).to_have_count(0)
    here.button("remember one").click()
    expect(here.button("Remove prices.txt")).to_be_visible()
    here.say("remember two")
    expect(saving(here, "prices.txt")).to_be_visible()


def test_a_message_whose_answer_failed_is_sent_again_with_its_files(seeing, provider):
    provider.script("flaky look", [Text(["It begins"]), Cut()], [Text(["It works."])])
    choose(seeing, file("pixel.png", PNG, "image/png"))
    seeing.say("flaky look")
    seeing.button("Try again").click()
    expect(seeing.turns.last).to_contain_text("It works.")
    assert base64.b64encode(PNG).decode() in str(provider.requests("flaky look")[-1].messages[-1])


def test_no_chip_is_wider_than_a_screen_of_320_pixels(seeing):
    seeing.page.set_viewport_size({"width": 320, "height": 600})
    choose(seeing, file("x" * 100 + ".txt"), file("prices.zip", b"\xff"))
    expect(seeing.page.get_by_role("alert")).to_be_visible()
    boxes = "[...document.querySelectorAll('html, main, #scroll, .foot, .composer, .chip')]"
    assert seeing.page.evaluate(f"Math.max(...{boxes}.map((one) => one.getBoundingClientRect().right))") <= 320
