"""docs/webhooks.md: its receiver in Python takes what is ours, once, and nothing else; its types are the code's."""

from __future__ import annotations

import json
import re
import sys
from typing import get_args

from app import catalog
from app.catalog.webhooks import WebhookType
from app.usage import Totals
from tests.support.hook_program import statuses_and_output
from tests.test_docs import ROOT, blocks

PAGE = ROOT / "docs/webhooks.md"


def block(language: str) -> str:
    return next(content for kind, content in blocks(PAGE) if kind == language)


def test_the_receiver_of_the_page_takes_our_messages_once_and_no_others(tmp_path):
    (tmp_path / "receiver.py").write_text(block("python"))
    statuses, line = statuses_and_output([sys.executable, "receiver.py"], tmp_path)
    assert (statuses, line) == ([204, 204, 400, 400], "turn.completed complete\n")


def test_the_example_of_the_page_is_a_webhook_that_sends_what_the_page_says(tmp_path):
    path = tmp_path / "aomi.yaml"
    path.write_text(block("yaml"))
    webhook = catalog.load(path, {"OPENAI_API_KEY": "sk-x"}).app("default").webhook
    assert (webhook.sends("turn.failed"), webhook.sends("turn.interrupted")) == (True, False)


def test_the_page_has_every_type_and_every_field_of_usage():
    page = PAGE.read_text()
    assert re.findall(r"^\| `(\w+\.\w+)` \|", page, re.MULTILINE) == list(get_args(WebhookType))
    assert json.loads(block("json"))["data"]["usage"].keys() == Totals().shown().keys()
