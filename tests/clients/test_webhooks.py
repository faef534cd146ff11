"""npm's `standardwebhooks` verifies our messages, in the receiver of docs/webhooks.md."""

from __future__ import annotations

import pytest

from tests.clients import npm
from tests.support.hook_program import statuses_and_output
from tests.support.programs import needed
from tests.test_docs import ROOT, blocks

pytestmark = pytest.mark.long


def test_the_receiver_in_javascript_takes_our_messages_once_and_no_others(tmp_path):
    packages = npm.program("standardwebhooks/package.json").parents[1]
    (tmp_path / "node_modules").symlink_to(packages)
    program = next(content for kind, content in blocks(ROOT / "docs/webhooks.md") if kind == "js")
    (tmp_path / "receiver.mjs").write_text(program)
    statuses, line = statuses_and_output([needed("node"), "receiver.mjs"], tmp_path)
    assert (statuses, line) == ([204, 204, 400, 400], "turn.completed complete\n")
