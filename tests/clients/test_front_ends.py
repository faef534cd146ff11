"""The pages of docs/front-ends.md for assistant-ui and CopilotKit, as they stand there, in a real Chromium."""

from __future__ import annotations

import json
import os
import uuid

import pytest
from playwright.sync_api import expect

from tests.clients.npm import program
from tests.clients.pages import FRONT_ENDS, bundled, documented, opened
from tests.support import processes
from tests.support.programs import needed
from tests.support.servers import Calls

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    """The bundled pages, by the runtime or the package."""
    thread, over_ai_sdk, over_agui = documented("tsx", "assistant-ui")
    (copilotkit,) = documented("jsx", "CopilotKit")
    sources = {
        "AI SDK": {"thread.tsx": thread, "chat.tsx": over_ai_sdk},
        "AG-UI": {"thread.tsx": thread, "chat.tsx": over_agui},
        "CopilotKit": {"chat.jsx": copilotkit},
    }
    return {name: bundled(tmp_path_factory.mktemp("page"), files, FRONT_ENDS) for name, files in sources.items()}


PRICE = "What is the current price of ETH?"
TOO_LONG = "x" * 32_001


@pytest.mark.parametrize("dialect", ["AI SDK", "AG-UI"])
def test_assistant_ui_streams_runs_tools_goes_on_after_a_reload_stops_and_says_errors(bundles, dialect, webs):
    with opened(bundles[dialect], webs[0]) as page:
        last, tool = page.locator("[data-message-id]").last, page.locator("pre")

        def send(text):
            page.get_by_label("Message").fill(text)
            page.get_by_role("button", name="Send").click()

        send(PRICE)
        expect(last).to_contain_text("$3,500.00.")
        expect(tool).to_have_text('GetTokenPrice: {"price":3500}')
        send("count to 500")
        expect(last).to_contain_text("7 8 9")
        page.reload()
        expect(last).to_contain_text("1 2 3 4 5 6 7 8 9 10 11 12")
        expect(tool).to_have_text('GetTokenPrice: {"price":3500}')
        with page.expect_response("**/stop**"):
            page.get_by_role("button", name="Stop").click()
        stays_after_reloads(page, last)
        send(TOO_LONG)
        expect(page.get_by_role("alert")).to_contain_text("at most 32,000 characters")


def test_copilotkit_streams_runs_tools_goes_on_after_a_reload_stops_and_survives_a_refusal(bundles, webs):
    with opened(bundles["CopilotKit"], webs[0]) as page:
        last, button = page.get_by_test_id("copilot-assistant-message").last, page.get_by_test_id("copilot-send-button")

        def send(text):
            page.get_by_test_id("copilot-chat-textarea").fill(text)
            button.click()

        send(PRICE)
        expect(last).to_contain_text("$3,500.00.")
        send("count to 500")
        expect(last).to_contain_text("7 8 9")
        page.reload()
        expect(last).to_contain_text("1 2 3 4 5 6 7 8 9 10 11 12")
        with page.expect_response("**/stop/**"):
            button.click()
        stays_after_reloads(page, last)
        with page.expect_response("**/run") as refused:
            send(TOO_LONG)
        assert refused.value.status == 400
        send("count to 3")
        expect(last).to_have_text("1 2 3")


TRANSPORT = """
import { AssistantChatTransport } from "@assistant-ui/react-ai-sdk";
import { z } from "zod";

const [api, id, text] = process.argv.slice(1);
const parameters = z.object({ place: z.string() });
const tools = text ? { ShowMap: { description: "Shows a place", parameters } } : {};
const transport = new AssistantChatTransport({ api, headers: { "X-API-Key": process.env.KEY } });
const mainItem = { initialize: async () => ({ remoteId: id }) };
transport.setRuntime({ thread: { getModelContext: () => ({ tools }) }, threads: { mainItem } });
const message = { id: crypto.randomUUID(), role: "user", parts: [{ type: "text", text: text || "remember 42" }] };
const stream = await transport.sendMessages({ trigger: "submit-message", chatId: "DEFAULT", messages: [message] });
for await (const chunk of stream) console.log(JSON.stringify(chunk));
"""


@pytest.mark.parametrize("has_tools", [True, False])
def test_assistant_uis_own_transport_has_its_tools_taken(webs, key, provider, has_tools):
    program("installed", FRONT_ENDS)
    text = provider.script("shows a map to assistant-ui", [Calls([("ShowMap", {"place": "Ulm"})])]) if has_tools else ""
    api = f"{webs[0]}/ai/chat?v=7&app={'asking' if has_tools else 'default'}"
    arguments = [needed("node"), "--input-type=module", "-e", TRANSPORT, api, str(uuid.uuid4()), text]
    ran = processes.run(arguments, cwd=FRONT_ENDS, env=os.environ | {"KEY": key})
    chunks = [json.loads(line) for line in ran.stdout.splitlines()]
    assert chunks[-1]["type"] == "finish", ran
    inputs = [(one["toolName"], one["input"]) for one in chunks if one["type"] == "tool-input-available"]
    assert inputs == ([("ShowMap", {"place": "Ulm"})] if has_tools else [])
    if has_tools:
        (sent,) = [tool["function"] for tool in provider.requests(text)[0].body["tools"] if "Map" in str(tool)]
        assert (sent["description"], list(sent["parameters"]["properties"])) == ("Shows a place", ["place"])


def stays_after_reloads(page, last):
    """Nobody makes more of the last answer."""
    page.reload()
    expect(last).to_contain_text("1 2 3")
    stopped = last.inner_text()
    page.reload()
    expect(last).to_have_text(stopped, use_inner_text=True)
