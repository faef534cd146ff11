"""What operators and users learn of a provider's trouble: notices while one waits, and why, in the worker's log."""

from __future__ import annotations

import pytest

from tests.models.forms import SECRET
from tests.models.play import Conversation
from tests.models.stack import EACH_MODE, KEY, Stacks
from tests.support.patience import until


@pytest.mark.long
@EACH_MODE
def test_while_a_provider_makes_one_wait_a_notice_says_so(mode: str, stacks: Stacks) -> None:
    conversation = Conversation(stacks[mode])
    with conversation.client.updates() as updates:
        events = conversation.ask("openai", "statuses/s429_once").events
        notice = updates.next("system_notice")
    assert events[-1] == {"type": "complete"}
    assert notice["message"]
    assert SECRET not in str(notice)


@pytest.mark.long  # in the mode that is no default
def test_the_log_says_why_a_provider_refused_where_content_may_be_logged(stacks: Stacks) -> None:
    worker = stacks["wrapper"].worker
    Conversation(stacks["wrapper"]).ask("openai", "statuses/s401")
    until(lambda: "Incorrect API key provided" in worker.log(), what="the provider's own words in the log")
    assert KEY not in worker.log()


def test_the_log_tells_class_status_and_code_alone_where_content_may_not(stacks: Stacks) -> None:
    worker = stacks["inner"].worker
    Conversation(stacks["inner"]).ask("openai", "statuses/s404")
    until(lambda: "model_not_found" in worker.log(), what="the provider's error code in the log")
    told = [line for line in worker.log().splitlines() if "workers.models" in line]  # a tool's traceback may say more
    assert any("failed (HTTP 404, model_not_found" in line for line in told)
    assert SECRET not in "".join(told)


def test_no_such_model_is_told_apart_from_a_bad_request(stacks: Stacks) -> None:
    messages = {
        answer: Conversation(stacks["inner"]).ask("openai", f"statuses/{answer}").events[-1]["message"]
        for answer in ("s400", "s401", "s402", "s404", "s400_too_long", "s408", "s429_quota", "s429_twice", "s500")
    }
    assert len({messages[one] for one in ("s400", "s401", "s402", "s404", "s400_too_long", "s429_twice")}) == 6
    assert "busy" not in messages["s429_quota"]
    assert "sent nothing" not in messages["s408"]


@pytest.mark.parametrize("provider", ["groq", "ollama", "openai"])
def test_counting_tokens_asks_nobody(provider: str, stacks: Stacks) -> None:
    """litellm would download a tokenizer for a model whose name holds `llama-3`."""
    conversation = Conversation(stacks["inner"])
    events = conversation.ask(provider, "ollama/cut" if provider == "ollama" else "openai/cut_text").events
    assert events[-1]["code"] == "provider_error"
    until(lambda: conversation.billed(), what="an estimate of what was used")
    assert not stacks["inner"].journal.strangers
