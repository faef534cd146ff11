"""Cards and forms say what is so: of a tool that goes on, and of a tool that asks for something."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.support.servers import Calls, Text

pytestmark = pytest.mark.exhaustive


@pytest.fixture
def count(scripted, provider, tmp_path):
    """Has a multi-step tool count down from `n`, behind its first step when `told` is there. Returns its card."""

    def called(n):
        text = f"count {n} {tmp_path.name}"
        args = {"n": n, "file": str(tmp_path / "told")}
        provider.script(text, [Calls([("CountWhenTold", args)])], [Text(["It counts."])])
        scripted.say(text)
        expect(scripted.turns.last).to_have_attribute("aria-busy", "false")
        return scripted.page.locator("details.card")

    return called


def test_a_tool_is_running_until_its_last_step_also_after_a_reload(scripted, count, tmp_path):
    card = count(3)
    expect(card).to_have_attribute("data-state", "running")
    expect(card.locator(".card-state")).to_have_text("step 1")
    scripted.page.reload()
    expect(card).to_have_attribute("data-state", "running")
    (tmp_path / "told").touch()
    expect(card).to_have_attribute("data-state", "done")
    scripted.page.reload()
    expect(card).to_have_attribute("data-state", "done")


def test_a_tool_whose_first_step_is_its_only_one_is_done(count, tmp_path):
    card = count(1)
    expect(card).to_have_attribute("data-state", "running")
    (tmp_path / "told").touch()
    expect(card).to_have_attribute("data-state", "done")


def test_a_tool_whose_later_step_fails_has_failed(scripted, count, tmp_path):
    card = count(3)
    (tmp_path / "told").mkdir()
    expect(card).to_have_attribute("data-state", "failed")
    card.locator("summary").click()
    expect(card).to_contain_text("The tool CountWhenTold failed")


def test_an_amount_is_in_the_coin_of_its_chain(scripted, provider):
    for chain, words in ((137, "1500000000000000000 wei (1.5 POL)"), (999999, "(1.5 of the coin of chain 999999)")):
        to = {
            "to": "0x" + "ab" * 20,
            "value": "1500000000000000000",
            "data": "0x",
            "chain_id": chain,
            "label": f"On {chain}",
        }
        text = provider.script(f"pay on {chain}", [Calls([("SendTransactionToWallet", to)])], [Text(["Sign."])])
        scripted.say(text)
        expect(scripted.page.get_by_role("form", name=f"On {chain}")).to_contain_text(words)


def test_a_request_of_an_app_s_own_kind_names_its_kind_and_tool_and_shows_its_body(scripted, provider):
    provider.script("pick one", [Calls([("PickFile", {"types": ["txt", "md"]})])], [Text(["Pick one."])])
    scripted.say("pick one")
    form = scripted.page.get_by_role("form", name="A tool needs your reply")
    for _ in range(2):
        expect(form).to_contain_text("file, requested by PickFile. You can reply until")
        expect(form.get_by_role("region", name="What the tool asks for")).to_contain_text('"txt",')
        scripted.page.reload()
