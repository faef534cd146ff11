"""Files in a prompt: parts for what a model takes, notes for the rest, and their size without a download."""

from __future__ import annotations

import litellm
import pytest
from litellm.litellm_core_utils import token_counter
from litellm.litellm_core_utils.prompt_templates import image_handling

from app.catalog import Model
from app.events import sse
from app.state.conversation import transcript
from app.state.model_abilities import IMAGE, IMAGE_URL, PDF
from workers.models import counting, litellm_setup
from workers.models.inputs import inputs_of
from workers.models.prompt import Conversation, assemble, rules_for
from workers.models.prompt.media import IMAGE_TOKENS

ALL = frozenset([IMAGE, PDF, IMAGE_URL])
OPENAI = rules_for("openai/gpt-4o", "openai", {})
IMAGE_FILE = {"file_id": "file_1", "filename": "a.png", "media_type": "image/png", "bytes": 3}
TEXT_FILE = {"file_id": "file_2", "filename": "a.txt", "media_type": "text/plain", "bytes": 3}
DATA = {"file_1": b"png", "file_2": b"txt"}


def said(text, *attachments):
    return transcript.message("m", "user", text, "") | ({"attachments": attachments} if attachments else {})


def written(messages, inputs=ALL, data=DATA, rules=OPENAI, room=10**6):
    conversation = Conversation("", {}, messages, data.get)
    return assemble(conversation, rules, room, lambda _: pytest.fail("tokens were counted"), inputs)


def contents(prompt):
    return [message["content"] for message in prompt]


def test_a_text_file_makes_no_parts():
    assert contents(written([said("read", TEXT_FILE)], frozenset())) == ["read\n\nThe file 'a.txt':\n\ntxt"]


def test_a_long_text_file_is_cut():
    (content,) = contents(written([said("read", TEXT_FILE)], data={"file_2": b"a" * 200_010}))
    assert content.endswith("[The rest of the file, 10 characters, is left out.]")


@pytest.mark.parametrize(
    ("inputs", "data", "word"), [(frozenset([PDF]), DATA, "cannot read"), (ALL, {}, "no longer available")]
)
def test_what_cannot_be_shown_is_a_note(inputs, data, word):
    (content,) = contents(written([said("look", IMAGE_FILE)], inputs, data))
    assert content.startswith("look\n\n[The file 'a.png' (image/png, 3 bytes) was attached.")
    assert word in content


def test_an_address_is_passed_on_or_left_out():
    link = {"url": "https://example.com/a.png"}
    (shown,) = contents(written([said("look", link)]))
    assert shown[1] == {"type": "image_url", "image_url": link}
    (noted,) = contents(written([said("look", link)], frozenset([IMAGE])))
    assert "example.com" not in noted


def test_messages_without_a_reply_are_joined_with_their_parts():
    (content,) = contents(written([said("one"), said("look", IMAGE_FILE), said("three")]))
    assert [part["type"] for part in content] == ["text", "text", "image_url", "text"]


def test_the_image_of_a_tool_follows_its_result():
    replied = [sse.tool_call("a", "Draw", {}), sse.tool_result("a", "Draw", IMAGE_FILE), sse.text("There.")]
    messages = [said("draw"), *transcript.fold("run", replied, "")]
    roles = ["user", "assistant", "tool"]
    prompt = written(messages)
    assert [message["role"] for message in prompt] == [*roles, "user", "assistant"]
    assert prompt[3]["content"][1]["image_url"]["url"] == "data:image/png;base64,cG5n"
    assert [message["role"] for message in written(messages, frozenset())] == [*roles, "assistant"]
    mistral = rules_for("mistral/mistral-large", "mistral", {})
    assert [message["role"] for message in written(messages, rules=mistral)] == [
        *roles,
        "assistant",
        "user",
        "assistant",
    ]


def test_an_image_has_its_tokens_however_many_bytes_it_has():
    data = {"file_1": b"x" * 3_000_000}
    prompt = written([said("look", IMAGE_FILE)], data=data, room=IMAGE_TOKENS + 500)
    assert IMAGE_TOKENS < counting.of_messages("gpt-4o", prompt) < IMAGE_TOKENS + 50


def test_litellm_downloads_nothing(monkeypatch):
    litellm_setup._forbid_downloads()
    asked = []
    monkeypatch.setattr("httpx.Client.send", lambda *args, **_: asked.append(args))
    address = "https://example.com/a.png"
    with pytest.raises(litellm.ImageFetchError):
        image_handling.convert_url_to_base64(address)
    with pytest.raises(Exception, match="not enough values"):
        token_counter.get_image_dimensions(address)
    assert asked == []


@pytest.mark.parametrize(
    ("params", "info", "takes"),
    [
        ({"model": "openai/gpt-4o"}, {}, ALL),
        ({"model": "openai/gpt-4o", "api_base": "http://10.0.0.1/v1"}, {}, {IMAGE, PDF}),
        ({"model": "openai/mine", "api_base": "http://10.0.0.1/v1"}, {"supports_vision": True}, {IMAGE}),
        ({"model": "anthropic/claude-sonnet-4-5"}, {}, ALL),
        ({"model": "gemini/gemini-2.5-flash"}, {}, {IMAGE, PDF}),
        ({"model": "openai/gpt-4o"}, {"supports_vision": False, "supports_pdf_input": False}, set()),
        ({"model": "ollama_chat/llava"}, {}, set()),
        ({"model": "demo/assistant"}, {}, set()),
    ],
)
def test_what_a_model_takes_is_what_the_file_says_or_litellm(params, info, takes):
    assert inputs_of(Model(model_name="m", litellm_params=params, model_info=info), {}) == takes


def test_another_address_of_a_provider_reads_no_address_of_a_user():
    model = Model(model_name="m", litellm_params={"model": "openai/gpt-4o"})
    assert IMAGE_URL not in inputs_of(model, {"OPENAI_BASE_URL": "http://10.0.0.1/v1"})
