"""docs/approval.md: its tools ask as it says, and its requests get its responses."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from itertools import pairwise

import pytest

from app import catalog
from app.catalog import McpServer
from app.form_schema import problem_of
from app.state.open_calls.pending import pending_call
from app.state.open_calls.records import Asked, Replied
from tests.mcp.conftest import serving
from tests.support.programs import needed
from tests.support.servers import Calls, Text
from tests.test_docs import BASE, ROOT, bash, blocks, frames, plain
from workers import tools
from workers.jobs.asking_toolbox import AskingToolbox
from workers.reply import ToolRequest
from workers.tools import ToolContext
from workers.tools.waiting import CallWaits

pytestmark = pytest.mark.long

PAGE = ROOT / "docs/approval.md"


@pytest.fixture
def asks(tmp_path, monkeypatch):
    """Whether a call of the page's app asks a person."""
    text, code = (next(content for kind, content in blocks(PAGE) if kind == wanted) for wanted in ("yaml", "python"))
    (tmp_path / "aomi.yaml").write_text(text)
    (tmp_path / "bank.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "bank", raising=False)
    app = catalog.load(tmp_path / "aomi.yaml", {"OPENAI_API_KEY": "sk-x"}).app("bank")
    named = {tool.name: tool for tool in (tools.load(name, "the page") for name in app.tools)}
    box = AskingToolbox(None, named, ToolContext(), app.approve, ())
    return lambda name, **args: box.asks(ToolRequest("c", name, json.dumps(args)))


def test_the_tools_of_the_page_ask_as_it_says(asks):
    assert asks("Pay", to="Bob", amount=500) == asks("CloseAccount", number="7") == "approval"
    assert asks("Pay", to="Bob", amount=100) is asks("Pay", to="Bob") is asks("GetCurrentTime") is None


def test_the_server_of_the_page_asks_its_question_and_gets_its_answer(tmp_path):
    found = blocks(PAGE)
    (tmp_path / "hotel.py").write_text(next(code for kind, code in found if kind == "python" and "MCPServer" in code))
    asked, answered = (json.loads(text) for kind, text in found[-2:])
    own = McpServer(command=sys.executable, args=(str(tmp_path / "hotel.py"),))
    with serving({"hotel": own}) as servers:
        book = servers.tool(asked["name"])
        with pytest.raises(CallWaits) as waits:
            book.run(asked["args"], ToolContext())
        question = replace(waits.value.question, args=asked["args"])
        call = Asked(asked["call_id"], asked["name"], "elicitation", question)
        assert pending_call(call, {}, asked["expires_at"]) == asked
        (answer,) = answered["answers"]
        assert problem_of(question.form, answer["result"]) is None
        assert book.run(asked["args"], ToolContext(replied=Replied(question, True, answer["result"]))) == {
            "result": "2 nights in Rome"
        }


def test_the_requests_of_the_page_get_its_responses(webs, key, provider, tmp_path):
    needed("curl")
    provider.script("Pay Bob 500", [Calls([("Pay", {"to": "Bob", "amount": 500})], ids="call_1")], [Text(["Done."])])
    found = blocks(PAGE)
    session = [(code, said) for (kind, code), (_, said) in pairwise(found) if kind == "sh"]
    assert len(session) == 3
    start = f"SESSION=$(python3 -c 'import uuid; print(uuid.uuid4())')\nKEY={key}\n"
    script = start + "".join(f"{code}\necho '----'\n" for code, _ in session)
    ran = bash(script.replace(BASE, webs[0]).replace("app=bank", "app=asking"), tmp_path)
    printed = ran.stdout.split("----\n")
    assert [frames(text) for text in printed[:3:2]] == [frames(said) for _, said in session[::2]]
    pending = [re.sub(r'\d{4}-[^"]*Z', "TIME", plain(text)) for text in (printed[1], session[1][1])]
    assert json.loads(pending[0]) == json.loads(pending[1])
