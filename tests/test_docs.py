"""The docs say what is true: settings, keys, fields, examples and links, each held against the code or a real run."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import uuid
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import click
import pytest
from redis import Redis

from app import catalog, config
from app.catalog import Webhook, digest_of
from app.commands.chat.command import chat
from app.commands.chat.commands import COMMANDS
from app.commands.cli import cli
from app.commands.inspect.command import inspect
from app.commands.keys import create, rotate
from app.commands.keys import keys as key_commands
from app.commands.sessions import sessions
from app.config import Settings
from app.events import sse
from app.events.types import ErrorCode, FinishReason
from app.model_params import ModelParams
from app.state import redis_keys, redis_schema, script_source
from app.state.accounts.api_keys import ApiKeys
from app.state.accounts.ledger import Ledger
from app.state.conversation.summary import Summary
from app.state.open_calls.records import Asked, CallAnswer
from app.state.reloads import Reloads
from app.state.scripts import Store
from app.state.sessions import Sessions
from app.state.tools.client_requests import ClientRequests
from app.state.turns.run_records import Run
from app.state.turns.runs import RunStore
from app.state.turns.turn_requests import BranchPoint, CallAnswers, TurnRequest
from app.state.webhooks.deliveries import Deliveries, Place
from app.state.webhooks.messages import message_id
from app.usage import ModelCall, Usage
from tests.support import processes
from tests.support.backend import until
from tests.support.client import Client
from tests.support.cutting import breaking
from tests.support.document import made
from tests.support.metrics import Scrape
from tests.support.moments import today
from tests.support.programs import needed
from workers import tools
from workers.tools import ToolContext

ROOT = Path(__file__).parents[1]
README, REDIS, MODELS = ROOT / "README.md", ROOT / "docs/redis.md", ROOT / "docs/models.md"
APPS = ROOT / "docs/apps.md"  # tests/test_docs_apps.py holds it
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "benchmarks/README.md"])
BASE = "http://127.0.0.1:8000"
RUNS = {
    "js": (["node", "--no-warnings", "--experimental-eventsource"], "example.mjs"),
    "python": ([sys.executable], "example.py"),
}
"""By the language of a block: what runs it, and the name it is saved under."""
MARK = "---- end of an example ----"
LIBRARY = set(script_source.LIBRARY)
"""The Lua files of definitions, of which a script gets those that it uses."""


def blocks(page: Path) -> list[tuple[str, str]]:
    """The fenced blocks of a page: language and content."""
    return re.findall(r"^```(\S+)\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def bash(script: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    environment = dict(os.environ) | environment
    return processes.run(["bash", "-c", script], cwd=folder, env=environment)


# Settings


def test_the_table_of_settings_is_that_of_the_code():
    page = (ROOT / "docs/settings.md").read_text()
    shown = page.split("<!-- settings -->\n")[1].split("\n<!-- /settings -->")[0]
    assert shown == config.table(), "put the output of `aomi settings` between the markers of docs/settings.md"


def test_the_variables_that_name_files_are_those_of_the_code():
    page = (ROOT / "docs/settings.md").read_text()
    shown = page.split("**Secrets in files.**")[1].split(" name files")[0]
    assert re.findall(r"`(\w+)_FILE`", shown) == list(config.SECRETS)


def test_the_values_for_heroku_are_those_of_its_file():
    (script,) = [content for _, content in blocks(ROOT / "docs/deploy.md") if "heroku config:set" in content]
    given = dict(re.findall(r"\b([A-Z_]+)=(\S+)", script))
    described = json.loads((ROOT / "app.json").read_text())["env"]
    assert given.pop("OPENAI_API_KEY") == "..."
    assert given == {name: variable["value"] for name, variable in described.items() if "value" in variable}


# Examples


def examples(page: Path) -> list[tuple[str, tuple[str, str] | None]]:
    """The shell blocks that make up the page's session, each with the block of its output where one follows."""
    found = blocks(page)
    following = [*found[1:], ("", "")]
    return [
        (content, after if after[0] in ("text", "json") else None)
        for (language, content), after in zip(found, following, strict=True)
        if language == "sh"
        and ("curl " in content or content.startswith(("SESSION=", "say ", "FIRST=", "REPLY=", "post ")))
    ]


def plain(text: str) -> str:
    """The text with what differs from run to run made the same."""
    text = re.sub(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "UUID", text)
    text = re.sub(r"\b(run|msg|thread|file)_[0-9a-f]{32}", r"\1_ID", text)
    text = re.sub(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "TIME", text)
    text = re.sub(r"^id: run_ID:\d+$", "id: run_ID:N", text, flags=re.MULTILINE)
    return text.replace(catalog.DEMO, "demo")  # as the tests' configuration calls it


def frames(text: str) -> list[str]:
    """The frames, comments of silent streams left out. Neighbouring text is joined: its cuts mean nothing."""
    found: list[str] = []
    for frame in plain(text).strip().split("\n\n"):
        start = 'data: {"type":"text","content":"'
        if found and frame.startswith(start) and found[-1].startswith(start):
            found[-1] = found[-1].removesuffix('"}') + frame.removeprefix(start)
        elif frame != ": keep-alive":
            found.append(frame)
    return found


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "docs/api.md",
        "docs/gen1.md",
        "docs/clients.md",
        "docs/branches.md",
        "docs/feedback.md",
        "docs/operating.md",
    ],
)
def test_the_examples_print_what_the_page_says(page, webs, tmp_path):
    needed("curl")
    session = examples(ROOT / page)
    script = "".join(f"{code}\necho; echo '{MARK}'\n" for code, _ in session)
    ran = bash(script.replace(BASE, webs[0]), tmp_path)
    *printed, rest = ran.stdout.split(f"\n{MARK}\n")
    assert (len(printed), rest) == (len(session), ""), ran.stderr
    for (code, said), output in zip(session, printed, strict=True):
        if said and said[0] == "json":
            assert json.loads(plain(output)) == json.loads(plain(said[1])), code
        elif said:
            assert frames(output) == frames(said[1]), code


def programs() -> list[tuple[str, str, str, str]]:
    """The programs of the pages for clients: page, language, content, output."""
    pages = [ROOT / "docs/clients.md", ROOT / "docs/quickstart.md"]
    found = [(page, pair) for page in pages for pair in pairwise(blocks(page))]
    return [(page.name, *code, said) for page, (code, (_, said)) in found if code[0] in RUNS]


@pytest.mark.parametrize(("page", "language", "code", "said"), programs())
def test_the_programs_for_clients_print_what_the_page_says(page, language, code, said, webs, tmp_path):
    command, name = RUNS[language]
    shutil.copy(ROOT / "docs/quickstart.mjs", tmp_path)
    (tmp_path / name).write_text(code.replace(BASE, webs[0]))
    ran = processes.run([needed(command[0]), *command[1:], name], cwd=tmp_path)
    assert ran.stdout == said, ran.stderr


@pytest.mark.long
def test_an_event_source_goes_on_by_itself_where_the_line_broke(webs, tmp_path):
    ((code, said),) = [(code, said) for _, _, code, said in programs() if "new EventSource" in code]
    with breaking(webs[0], cut_at=2, of=b"GET /api/chat") as (url, line):
        (tmp_path / "example.mjs").write_text(code.replace(BASE, url))
        command = [needed("node"), *RUNS["js"][0][1:], "example.mjs"]
        ran = processes.run(command, cwd=tmp_path)
    assert ran.stdout == said, ran.stderr
    assert any(b"last-event-id: run_" in request.lower() for request in line.requests)


def test_there_is_a_program_for_each_kind_of_client():
    assert [(page, language) for page, language, _, _ in programs()] == [
        ("clients.md", "js"),
        ("clients.md", "js"),
        ("clients.md", "js"),
        ("clients.md", "python"),
        ("quickstart.md", "js"),
    ]


def test_the_quickstart_is_as_short_as_it_says():
    lines = (ROOT / "docs/quickstart.mjs").read_text().splitlines()
    assert len([line for line in lines if line.strip() and not line.startswith(("//", "/**"))]) <= 46


def in_words(text: str) -> list[list[str]]:
    """The words of each line, with what differs from run to run made the same."""
    text = re.sub(r"\b(run_)?[0-9a-f]{8}$", "ID", plain(text), flags=re.MULTILINE)
    text = re.sub(r"\d+\.\d{3} s\b", "SECONDS", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "TIME", text)
    text = re.sub(r"^(texts +)\d+$", r"\1N", text, flags=re.MULTILINE)  # pieces are joined on a busy machine
    return [line.split() for line in re.sub(r"(started +)\S+", r"\1WORKER", text).splitlines()]


@pytest.mark.parametrize("page", ["README.md", "docs/terminal.md"])
def test_the_commands_of_the_terminal_print_what_the_page_says(page, webs, redis_url, tmp_path):
    session = [
        (code, said)
        for (language, code), (_, said) in itertools.pairwise(blocks(ROOT / page))
        if language == "sh" and ("| .venv/bin/aomi chat" in code or "aomi inspect" in code)
    ]
    assert session
    for code, said in session:
        script = code.replace(".venv/bin/aomi", str(Path(sys.executable).with_name("aomi")))
        ran = bash(script, tmp_path, AOMI_URL=webs[0], REDIS_URL=redis_url)
        assert (ran.returncode, ran.stderr) == (0, ""), code
        assert in_words(ran.stdout) == in_words(said), code


_CLAUDE = ("a", "shop", "claude-sonnet", 0, None)
CHARGES = [
    ModelCall("1", "2026-11-24", *_CLAUDE).charge(Usage(5000, 700, cached=4000), 14_700_000),
    ModelCall("2", "2026-11-24", *_CLAUDE).charge(Usage(2400, 600, estimated=True), 22_200_000),
    ModelCall("1", "2026-11-25", *_CLAUDE, own_key=True).charge(Usage(2000), 6_000_000),
    ModelCall("1", "2026-11-25", "b", "bank", "gpt-4o", 0, None).charge(Usage(1000, 200, cached=400), 4_000_000),
    ModelCall("1", "2026-11-25", "-", "default", "local-llama", 0, None).charge(Usage(500, 60), None),
    ModelCall("1", "2026-10-31", "-", "default", "gpt-4o", 0, None).charge(Usage(9, 9), 9),
]
"""What the table of docs/usage.md is about, and something of another month."""


def test_the_table_of_usage_is_that_of_the_command(redis_url, tmp_path):
    (code, said) = next(pair for pair in pairwise(blocks(ROOT / "docs/usage.md")) if "aomi usage" in pair[0][1])
    url = redis_url.replace("/0", "/2")
    with Redis.from_url(url) as connection:
        connection.flushdb()
        ledger = Ledger(Store(connection, Settings()))
        for place, charge in enumerate(CHARGES):
            ledger.settle("of the docs", f"run_{place}", charge)
    ran = bash(code[1].replace(".venv/bin/aomi", str(Path(sys.executable).with_name("aomi"))), tmp_path, REDIS_URL=url)
    assert (ran.stdout, ran.stderr) == (said[1], "")


def test_a_turn_says_what_it_took_as_the_page_says(webs, redis, tmp_path):
    code, (_, said) = next(pair for pair in pairwise(blocks(ROOT / "docs/usage.md")) if "usage=1" in pair[0][1])
    key = ApiKeys(Store(redis, Settings())).issue(("*",), "docs")

    def counted() -> dict[str, Any] | None:
        shown: dict[str, Any] = json.loads(bash(code[1].replace(BASE, webs[0]), tmp_path, KEY=key).stdout)
        return shown if "usage" in shown else None

    shown, wanted = until(counted, what="the turn to be settled"), json.loads(said)
    assert shown.keys() == wanted.keys()
    assert shown["usage"] == wanted["usage"]


def test_a_key_is_shown_its_usage_as_the_page_says(webs, redis, tmp_path):
    code, (_, said) = next(pair for pair in pairwise(blocks(ROOT / "docs/usage.md")) if "/api/usage" in pair[0][1])
    key = ApiKeys(Store(redis, Settings())).issue(("*",), "docs", budget=Decimal(10))
    Client(webs[0], key).ask("remember 42")

    def shown() -> dict[str, Any]:
        return json.loads(bash(code[1].replace(BASE, webs[0]), tmp_path, KEY=key).stdout)

    until(lambda: shown()["total"]["turns"], what="the turn to be settled")
    days = {"key": "", "from": "", "to": "", "day": "", "until": ""}
    found, expected = (json.loads(text, object_hook=partial(_with, days)) for text in (json.dumps(shown()), said))
    assert found == json.loads(plain(json.dumps(expected)))


def _with(values: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    """The fields with those of `values` in the place of what differs from day to day."""
    return fields | {name: value for name, value in values.items() if name in fields}


def in_lines(text: str) -> list[list[str]]:
    """As `in_words`, of the page about keys."""
    text = re.sub(r"\b[0-9a-f]{12}$", "KEY", plain(text), flags=re.MULTILINE)
    return in_words(re.sub(r"in \d+ s\b", "in N s", text))


def test_the_commands_of_the_page_about_keys_print_what_it_says(webs, redis_url, tmp_path):
    needed("curl")
    found = [pair for pair in itertools.pairwise(blocks(ROOT / "docs/limits.md")) if pair[0][0] == "sh"]
    script = "".join(f"{code}\necho '{MARK}'\n" for (_, code), _ in found)
    script = script.replace(".venv/bin/aomi", str(Path(sys.executable).with_name("aomi"))).replace(BASE, webs[0])
    ran = bash(script, tmp_path, REDIS_URL=redis_url, AOMI_CONFIG=str(ROOT / "aomi.yaml"))
    *printed, rest = ran.stdout.split(f"{MARK}\n")
    assert (len(printed), rest) == (len(found), ""), ran.stderr
    for ((_, code), (_, said)), output in zip(found, printed, strict=True):
        assert in_lines(output) == in_lines(said), code


def test_the_page_about_keys_names_every_command_option_and_limit():
    page = (ROOT / "docs/limits.md").read_text()
    options = {option for command in (create, rotate) for parameter in command.params for option in parameter.opts}
    limits = [name for name in Settings.model_fields if re.search("per_(minute|key|address)|trusted", name)]
    names = [f"aomi keys {name}" for name in key_commands.commands]
    names += [option for option in options if option.startswith("--")]
    names += [f"`AOMI_{name.upper()}`" for name in limits]
    assert [name for name in names if name not in page] == []


def test_the_page_names_every_option_and_command_of_the_terminal():
    page = (ROOT / "docs/terminal.md").read_text()
    options = {option for parameter in chat.params for option in parameter.opts}
    commands = {f"/{name}" for name in COMMANDS}
    reports = {f"aomi inspect {name}" for name in inspect.commands}
    assert [name for name in options | commands | reports if f"`{name}" not in page] == []


def test_the_page_of_retention_names_every_command_and_option():
    page = (ROOT / "docs/retention.md").read_text()
    commands = {f"aomi sessions {name}" for name in sessions.commands}
    options = {
        o for command in sessions.commands.values() for p in command.params for o in p.opts if o.startswith("--")
    }
    assert [name for name in commands | options if name not in page] == []


def test_the_page_of_retention_says_the_lives_that_are_the_defaults():
    page = (ROOT / "docs/retention.md").read_text()
    units = {"minute": 60, "hour": 3600, "day": 86400}
    said = re.findall(r"`AOMI_(\w+)` \((\d+) (minute|hour|day)s?\)", page)
    assert len(said) > 5
    for name, number, unit in said:
        assert Settings.model_fields[name.lower()].default == int(number) * units[unit], name


def test_the_picture_shows_the_readmes_first_answer():
    (said,) = [said for code, said in examples(README) if "current price" in code]
    texts = ElementTree.parse(ROOT / "docs/turn.svg").getroot().iter("{http://www.w3.org/2000/svg}text")
    lines = [text.text for text in texts]
    shown = [line for line in lines if line.startswith((": ", "data: "))]
    assert frames("\n\n".join(shown)) == frames(said[1])


def test_the_picture_needs_nothing_from_elsewhere():
    """No script, link, font or image: an address stands in it as text only."""
    markup = re.sub(r">[^<]+</text>", "></text>", (ROOT / "docs/turn.svg").read_text())
    assert not re.search(r"https?:|href|url\(|@import|<script", markup.replace("http://www.w3.org/2000/svg", ""))


def test_the_yaml_gives_a_real_model(tmp_path):
    pages = [page for page in PAGES if page not in (MODELS, APPS)]
    found = [content for page in pages for language, content in blocks(page) if language == "yaml"]
    assert found
    for content in found:
        path = tmp_path / "aomi.yaml"
        path.write_text(content)
        loaded = catalog.load(path, {"OPENAI_API_KEY": "sk-x"})
        assert {app.model for app in loaded.apps} == {"gpt-4o"}, content


def test_every_model_of_the_page_of_models_can_be_used(tmp_path):
    found = [content for language, content in blocks(MODELS) if language == "yaml"]
    assert found
    for content in found:
        path = tmp_path / "aomi.yaml"
        path.write_text(content)
        names = re.findall(r"os\.environ/(\w+)", content)
        loaded = catalog.load(path, dict.fromkeys(names, "sk-x"))
        assert len(loaded.models) == content.count("model_name:"), content


class Hurried(ToolContext):
    """The context of a call in which nobody waits."""

    def sleep(self, seconds: float) -> None:
        pass


@pytest.fixture(params=["README.md", "docs/tools.md"])
def example_tools(request, tmp_path, monkeypatch):
    """The tools that the page's aomi.yaml names, by name, out of its own Python."""
    page = ROOT / request.param
    monkeypatch.syspath_prepend(str(tmp_path))
    for language, content in blocks(page):
        if language == "python":
            name = re.match(r"# (\w+)\.py", content)[1]
            (tmp_path / f"{name}.py").write_text(content)
            monkeypatch.delitem(sys.modules, name, raising=False)
    (text,) = [content for language, content in blocks(page) if language == "yaml" and "tools:" in content]
    (tmp_path / "aomi.yaml").write_text(text)
    named = catalog.load(tmp_path / "aomi.yaml", {"OPENAI_API_KEY": "sk-x"}).app("shop").tools
    return {tool.name: tool for tool in (tools.load(name, request.param) for name in named)}


def test_the_tools_of_the_pages_run(example_tools):
    price, time = example_tools.pop("GetItemPrice"), example_tools.pop("GetCurrentTime")
    assert price.run({"item": "mug", "count": 2}, ToolContext()) == {"price": 25.0}
    assert price.schema["function"]["parameters"]["properties"]["item"]["enum"] == ["mug", "shirt"]
    assert time.run({}, ToolContext())["timezone"] == "UTC"
    assert example_tools.keys() in (set(), {"CountStock", "FollowParcel", "AskForPhoto"})


@pytest.mark.parametrize("example_tools", ["docs/tools.md"], indirect=True)
def test_the_async_tool_the_step_tool_and_the_client_tool_of_the_page_run(example_tools):
    assert example_tools["CountStock"].run({"item": "mug"}, ToolContext()) == {"pieces": 42}
    parcel = example_tools["FollowParcel"]
    assert parcel.schema["function"]["parameters"]["properties"]["number"]["description"] == "The number of the parcel."
    steps = list(parcel.run({"number": "7"}, Hurried()))
    assert [step["station"] for step in steps] == ["packed", "on its way", "delivered"]
    assert list(parcel.run({"number": "7"}, Hurried(step=1))) == steps[1:]
    photo = example_tools["AskForPhoto"].run({"what": "the crack"}, ToolContext())
    assert (photo.kind, photo.body) == ("photo", {"what": "the crack"})


def test_no_page_has_a_program_that_is_not_run():
    found = [page.name for page in PAGES for language, _ in blocks(page) if language in RUNS]
    elsewhere = ["README.md", "tools.md", "apps.md", "apps.md", "approval.md", "approval.md", "owners.md"]
    elsewhere += ["webhooks.md"] * 2
    elsewhere += ["front-ends.md"] * 4
    assert sorted(found) == sorted([*elsewhere, *(page for page, *_ in programs())])


# What the code has, on its page


def test_every_operation_is_on_a_page():
    pages = "".join(
        (ROOT / "docs" / name).read_text() for name in ("api.md", "front-ends.md", "gen1.md", "operating.md")
    )
    known = {re.sub(r"{\w+}", "{}", path) for path in re.findall(r"(/[\w{}/.-]+)", pages)}
    assert {re.sub(r"{\w+}", "{}", path) for path in made()["paths"]} - known == set()


def test_every_event_is_on_the_page_of_the_api():
    page = (ROOT / "docs/api.md").read_text()
    named = {name for row in re.findall(r"^\| (`[^|]+) \|", page, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    streams = [
        made()["components"]["schemas"][kind]["discriminator"]["mapping"] for kind in ("ChatEvent", "UpdateEvent")
    ]
    assert {kind for stream in streams for kind in stream} - named == set()


def test_every_code_of_an_error_is_on_the_page_of_the_api_and_no_other():
    page = (ROOT / "docs/api.md").read_text()
    table = page.split("\n| code of an `error` |")[1].split("\n\n")[0]
    assert sorted(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == sorted(get_args(ErrorCode))


def test_every_finish_reason_is_on_the_page_of_the_api_and_no_other():
    (row,) = re.findall(r"^\| `complete` \|.*$", (ROOT / "docs/api.md").read_text(), re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)` \(", row)) == sorted(get_args(FinishReason))


def test_every_field_of_apps_and_their_parameters_is_on_its_page():
    page = (ROOT / "docs/apps.md").read_text()
    names = [*catalog.App.model_fields, *catalog.Model.model_fields, *ModelParams.model_fields]
    assert [name for name in names if f"`{name}`" not in page] == []


def test_every_room_is_in_the_drawings():
    rooms = [path.parent for room in ("app", "workers") for path in ROOT.glob(f"{room}/*/__init__.py")]
    for page in ("docs/design.md", "CONTRIBUTING.md"):
        assert [named(room) for room in rooms if f"{named(room)}/" not in (ROOT / page).read_text()] == [], page


def test_every_built_in_tool_is_on_its_page():
    page = (ROOT / "docs/tools.md").read_text()
    assert [name for name in tools.BUILT_IN if f"| `{name}` |" not in page] == []


def test_every_command_is_on_a_page():
    text = "".join(page.read_text() for page in PAGES)
    commands = cli.list_commands(click.Context(cli))
    assert [name for name in commands if not re.search(rf"\baomi {name}\b", text)] == []


# Redis


def described_keys() -> dict[str, tuple[str, str, str]]:
    """Type, life and text of each key on the page, by its pattern."""
    part = REDIS.read_text().split("\n## Keys\n")[1].split("\n## ")[0]
    sections = re.findall(r"^### `(.+?)`\n\n(\w+) · (.+?)\n(.*?)(?=^### |\Z)", part, re.MULTILINE | re.DOTALL)
    return {pattern: (kind, life, text) for pattern, kind, life, text in sections}


def described_fields(pattern: str) -> set[str]:
    rows = re.findall(r"^\| (`.+?) \|", described_keys()[pattern][2], re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([\w:<>]+)`", row)}


def rq_patterns() -> list[str]:
    part = REDIS.read_text().split("\n## Keys of RQ\n")[1]
    return [name for row in re.findall(r"^\| (`rq:.+?) \|", part, re.MULTILINE) for name in re.findall("`(.+?)`", row)]


def recipes() -> list[str]:
    found = [content for page in PAGES for language, content in blocks(page) if language == "redis-cli"]
    return list(dict.fromkeys("".join(found).splitlines()))


@pytest.fixture(scope="module")
def busy(webs, redis):
    """A session in which everything is there at once: an ended turn, one that runs, one that waits, a sleeping tool."""
    limits = {"requests_per_minute": 600, "running_turns": 50, "budget": Decimal(10)}
    api_keys = ApiKeys(Store(redis, Settings()))
    key = api_keys.issue(("*",), "docs", expires_at="2099-01-31T00:00:00.000Z", **limits)
    client, owner = Client(webs[0], key), f"0x{uuid.uuid4().hex}"
    Client(webs[0]).ask("without a key")
    until(lambda: redis.exists(f"usage:{{-}}:day:{today()}"), what="the usage without a key")
    client.post("/api/sessions", json={"public_key": owner, "app": "default", "user_state": {"chain_id": 1}})
    client.post("/api/control/model", json={"model": "demo"})
    redis.hset(redis_keys.session(client.session_id), "metadata", "{}")
    for _ in range(2):
        client.post(f"/api/sessions/{client.session_id}/threads")
    client.post("/api/secrets", json={"client_id": "docs", "secrets": {"TOKEN": "value"}})
    query = {"client_id": "docs"}
    client.post("/api/chat", params=query, json={"text": "remember 0"}, headers={"Idempotency-Key": "docs"})
    client.post("/api/control/provider-keys", json={"provider": "openai", "api_key": "sk-x"})
    file = client.post("/api/files", content=b"text").json()["file_id"]
    with client.chat("count to 5000") as stopped:
        stopped.next("text")
        client.interrupt()
    client.ask("Watch the price of ETH 1000 times every 3600 seconds")
    session = redis_keys.session(client.session_id)
    (watch,) = redis.scan_iter(f"{session}:call:*")
    until(lambda: redis.hexists(watch, "wake"), what="the watch to sleep")
    ended = redis.hget(session, "last_run").decode()
    for place in ("", f"/threads/{client.state()['thread_id']}"):
        client.request("PATCH", f"/api/sessions/{client.session_id}{place}", json={"seen": "1"})
    with client.chat("count to 5000") as running, client.chat("remember 1"):
        running.next("text")
        store = Store(redis, Settings())
        run = RunStore(store).get(client.session_id, redis.hget(session, "run").decode())
        RunStore(store).claim_title(client.session_id, run.id)
        RunStore(store).half_loaded.note(client.session_id, run.id)
        summed_up = RunStore(store).claim_compaction(client.session_id, ended, 600)
        Sessions(store).end_compaction(summed_up, Summary("text", "msg_docs", "demo", run.started_at))
        RunStore(store).claim_compaction(client.session_id, run.id, 600)
        ClientRequests(store).ask(run, "call_docs", "Ask", "docs", {})
        branched = list(_branched(store))
        hasty = TurnRequest("x", "default", "demo", on_busy="interrupt", response_format={"type": "json_object"})
        interrupting = [RunStore(store).start("docs", hasty).run_id for _ in range(3)]
        RunStore(store).withdraw("docs", interrupting[-1])
        RunStore(store).taking.put_back(RunStore(store).claim("docs", branched[1], "worker"))
        (call,) = redis.scan_iter(f"{session}:call:*")
        asking = _asking(store)
        told = _told(store)
        yield SimpleNamespace(
            session=client.session_id,
            ended=ended,
            run=run.id,
            interrupting=[*branched, *interrupting],
            asking=asking,
            told=told,
            thread=client.state()["thread_id"],
            call=call.decode().split(":call:")[1],
            owner=owner,
            file=file,
            key=api_keys.find(key).id,
            digest=hashlib.sha256(key.encode()).hexdigest(),
        )
        client.request("DELETE", f"/api/sessions/{client.session_id}")
        Sessions(store).delete("docs")
        Sessions(store).delete("asking")
        Sessions(store).delete("told")


def _asking(store: Store) -> list[Run]:
    """A turn whose calls were answered one by one, and the one that went on and asks again."""
    runs, calls = RunStore(store), ("call_1", "call_2")

    def ask(run_id: str) -> Run:
        run = runs.claim("asking", run_id, "docs")
        runs.append([("asking", run.id, 1, [sse.tool_call(call, "Pay", {}) for call in calls])])
        asks = [Asked(call, "Pay", "approval") for call in calls]
        sealed = runs.seal("asking", run.id, "complete", expect={"running"}, asks=asks)
        runs.settle(sealed, sse.complete(awaiting=list(calls)))
        return run

    def no(call: str) -> str:
        answers = CallAnswers(first.id, first.thread_id, (CallAnswer.no(call),), {call: ""})
        request = TurnRequest("", "default", "demo", call_answers=answers, idempotency_key=call, body=b"no")
        return runs.start("asking", request).run_id

    first = ask(runs.start("asking", TurnRequest("x", "default", "demo", client_tools=({},))).run_id)
    return [first, ask([no(call) for call in calls][-1])]


def _told(store: Store) -> Place:
    """A message to a receiver that failed, and that an operator has repeated."""
    webhook, webhooks = Webhook(url="https://x", secret="os.environ/S", include=("messages",)), Deliveries(store)
    runs = RunStore(store, lambda app: webhook)
    run = runs.claim("told", runs.start("told", TurnRequest("x", "default", "demo")).run_id, "docs")
    runs.settle(runs.seal("told", run.id, "complete", expect={"running"}), sse.complete())
    place = Place("told", "default", message_id(run.id))
    webhooks.give_up(webhooks.get(place), "status 410")
    webhooks.retry(place)
    webhooks.failed(webhooks.with_usage(webhooks.get(place), "null"), "status 500")
    return place


def _branched(store: Store) -> Iterator[str]:
    """Turns of a session whose message was edited, and whose client replied to a request."""
    runs = RunStore(store)
    message = TurnRequest("x", "default", "demo", message_id="own")
    first = runs.claim("docs", runs.start("docs", message).run_id, "docs")
    ClientRequests(store).ask(first, "call_docs", "Ask", "docs", {})
    runs.settle(runs.seal("docs", first.id, "complete", expect={"running"}), sse.complete())
    yield first.id
    yield runs.start("docs", replace(message, branch=BranchPoint("edit", "own"), body=b"edit")).run_id
    yield runs.start("docs", TurnRequest("y", "default", "demo", answers=(1,))).run_id


@pytest.fixture(scope="module")
def worker_name(worker, redis):
    """One that lives: the set may still name one that has died."""
    found = [name.decode() for name in redis.smembers("rq:workers:turns") if redis.exists(name)]
    return found[0]


def test_every_key_of_the_schema_is_described_and_no_other():
    described = {pattern: (kind, life) for pattern, (kind, life, _) in described_keys().items()}
    assert described == {key.pattern: (key.type, key.life) for key in redis_schema.SCHEMA}


def test_every_script_is_on_the_page_and_no_other():
    """The names behind the word `script`, such as: scripts `start` (web), `claim` and `append`."""
    lists = re.findall(r"scripts?\s+((?:`\w+`(?: \([\w ]+\))?(?:,|\s|and\s)*)+)", REDIS.read_text())
    named = {name for part in lists for name in re.findall(r"`(\w+)`", part)}
    scripts = {path.stem for path in ROOT.glob("app/state/lua/*.lua")} - LIBRARY
    assert named == scripts


def test_fields_on_the_page_are_those_in_redis(busy, redis, config_file):
    reloads, digest = Reloads(Store(redis, Settings())), digest_of(config_file)
    assert reloads.begin("docs", digest, 60)
    assert reloads.take("docs", digest)
    present = {
        "session:{<id>}": [redis_keys.session(busy.session)],
        "session:{<id>}:thread:<thread>": [
            redis_keys.thread(busy.session, busy.thread),
            redis_keys.thread("asking", busy.asking[0].thread_id),
        ],
        "session:{<id>}:run:<run>": [
            *(redis_keys.run(busy.session, run) for run in (busy.ended, busy.run)),
            *(redis_keys.run("docs", run) for run in busy.interrupting),
            *(redis_keys.run("asking", run.id) for run in busy.asking),
        ],
        "session:{<id>}:call:<run>:<call>": [redis_keys.call(busy.session, *busy.call.split(":"))],
        "session:{<id>}:sent:<sha256>": [
            redis_keys.sent(session, hashlib.sha256(key).hexdigest())
            for session, key in ((busy.session, b"docs"), ("asking", b"call_1"))
        ],
        "session:{<id>}:webhook:<app>:<message>": [redis_keys.webhook(*busy.told)],
        "session:{<id>}:file:<file>": [redis_keys.file(busy.session, busy.file)],
        "key:<key>": [redis_keys.api_key(busy.key)],
        "api-key:<sha256>": [redis_keys.api_key_secret(busy.digest)],
        "reload": [redis_keys.RELOAD],
        "{metrics}:process:<process>": list(redis.scan_iter(redis_keys.metrics_process("*"))),
    }
    open_fields = {"provider-keys:<client>", "secrets:<client>"}  # names that the client gives
    open_fields |= {"session:{<id>}:files", "session:{<id>}:file:<file>:data"}  # ids, numbers
    open_fields |= {"model-abilities", "reload-processes"}  # names of models, of processes
    of_threads = (":branches", ":aside", ":ids", ":feedback")
    open_fields |= {redis_keys.thread("<id>", "<thread>") + part for part in of_threads}  # ids
    open_fields |= {"metrics"}  # the samples of docs/operating.md
    open_fields |= {key.pattern for key in redis_schema.SCHEMA if "usage" in key.pattern}  # sums by apps and models
    assert set(present) == {key.pattern for key in redis_schema.SCHEMA if key.type == "hash"} - open_fields
    for pattern, names in present.items():
        found = {field.decode() for name in names for field in redis.hgetall(name)}
        fields = {re.sub(r"^(request|model_call|charge):\d+$", r"\1:<n>", field) for field in found}
        fields = {"answer:<call>" if field.startswith("answer:") else field for field in fields}
        assert described_fields(pattern) == fields, pattern


def test_every_metric_is_described_and_no_other(webs):
    page = (ROOT / "docs/operating.md").read_text()
    rows = re.findall(r"^\| (`aomi_.+?) \|", page.split("## Metrics")[1], re.MULTILINE)
    described = {name for row in rows for name in re.findall(r"`(aomi_\w+)`", row.split(" | ")[0])}
    names = {family.name + "_total" * (family.type == "counter") for family in Scrape(webs[0]).families}
    assert described == names


def test_every_key_in_redis_is_on_the_page(busy, redis):
    patterns = [*described_keys(), *rq_patterns()]
    known = re.compile("|".join(re.sub(r"<\w+>", ".+", re.escape(pattern)) for pattern in patterns))
    unknown = [name for name in redis.scan_iter(count=1000) if not known.fullmatch(name.decode())]
    assert not unknown


@pytest.mark.parametrize("recipe", recipes())
def test_a_recipe_shows_something(recipe, busy, worker_name, redis_url, tmp_path):
    needed("redis-cli")
    ran = bash(
        f'redis-cli() {{ command redis-cli -e -u "$REDIS_URL" "$@"; }}\n{recipe}',
        tmp_path,
        REDIS_URL=redis_url,
        SESSION=busy.session,
        RUN=busy.run,
        THREAD=busy.thread,
        CALL=busy.call,
        WORKER=worker_name,
        PUBLIC_KEY=busy.owner,
        KEY=busy.key,
        SHA256=busy.digest,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.strip()


# Links


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", [named(page) for page in PAGES])
def test_links_lead_somewhere(page):
    here = ROOT / page
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", here.read_text()):
        path, _, anchor = link.partition("#")
        target = here.parent / path if path else here
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_the_index_links_every_page():
    index = ROOT / "docs/README.md"
    linked = {
        (index.parent / link.partition("#")[0]).resolve() for link in re.findall(r"\]\(([^)]+)\)", index.read_text())
    }
    assert {*PAGES} - linked == {index}


PATH = r"`((?:app|workers|tests|benchmarks|deploy|docs|lua)/[\w./*-]*)(?::\w+)?`"
"""A path in code marks, such as `app/turns/service.py`; `lua/` is short for `app/state/lua/`."""


@pytest.mark.parametrize("page", [named(page) for page in PAGES])
def test_every_path_that_a_page_names_exists(page):
    paths = [re.sub("^lua/", "app/state/lua/", path) for path in re.findall(PATH, (ROOT / page).read_text())]
    assert [path for path in paths if not [*ROOT.glob(path.rstrip("/"))]] == []


DRAWINGS = ["CONTRIBUTING.md", "docs/design.md"]
"""The pages that draw the rooms and name files of the code."""


@pytest.mark.parametrize("page", DRAWINGS)
def test_every_path_outside_of_code_marks_exists(page):
    """Drawings have none."""
    paths = re.findall(r"(?<![\w./`])(?:app|workers|tests|docs)/[\w./]*\w", (ROOT / page).read_text())
    assert len(paths) > 10
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", DRAWINGS)
def test_every_file_named_without_its_folder_exists(page):
    names = re.findall(r"`([\w/]+\.(?:py|lua))`", (ROOT / page).read_text())
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    code = [f"/{file}" for file in processes.run(listed, cwd=ROOT, check=True).stdout.splitlines()]
    assert [name for name in names if not any(file.endswith(f"/{name}") for file in code)] == []


@pytest.mark.parametrize("page", DRAWINGS)
def test_every_module_of_the_app_is_drawn(page):
    drawn = "".join(content for language, content in blocks(ROOT / page) if language == "text")
    assert [path.name for path in (ROOT / "app").glob("*.py") if f"app/{path.name}" not in drawn] == []


def rows(text: str) -> list[list[str]]:
    """The cells of the tables' rows, heads left out."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    heads = {place - 1 for place, line in enumerate(lines) if line.startswith("|---")}
    kept = [line for place, line in enumerate(lines) if place not in heads and not line.startswith("|---")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in kept]


@cache
def _tests_there_are() -> set[str]:
    """The names of all tests. Deeper than a room there are only packages of others, with tests of theirs."""
    paths = [*ROOT.glob("tests/test_*.py"), *ROOT.glob("tests/*/test_*.py")]
    return {name for path in paths for name in re.findall(r"def (test_\w+)\(", path.read_text())}


def named_tests(cell: str) -> list[str]:
    """The tests and files of tests that a cell names; each must be there."""
    found = re.findall(r"`(tests/\S+\.py|test_\w+)`", cell)
    assert not [name for name in found if name not in _tests_there_are() and not (ROOT / name).is_file()]
    return found


def test_every_promise_of_reliability_names_a_test_that_there_is():
    promises = rows((ROOT / "docs/reliability.md").read_text().split("## Chaos")[0])
    assert len(promises) > 20
    for row in promises:
        assert named_tests(row[3]), row


def test_every_claim_of_the_threat_model_names_a_test_that_there_is():
    claims = rows((ROOT / "SECURITY.md").read_text())
    assert len(claims) > 20
    for row in claims:
        assert named_tests(row[-1]) or row[0].startswith("a shell"), row


def test_every_line_of_the_comparison_names_a_test_that_there_is_and_its_sources():
    page = (ROOT / "docs/playground-compared.md").read_text()
    lines = rows(page)
    assert len(lines) > 30
    for line in lines:
        assert named_tests(line[-1]) or line[-1].startswith("none: "), line
    tables, sources = page.split("## Sources")
    assert set(re.findall(r"\[\^([\w-]+)]", tables)) == set(re.findall(r"^\[\^([\w-]+)]: ", sources, re.MULTILINE))


def test_the_moving_picture_of_the_readme_is_small():
    pictures = re.findall(r"\]\((\S+\.webp)\)", (ROOT / "README.md").read_text())
    assert pictures
    for picture in pictures:
        assert (ROOT / picture).stat().st_size < 1_500_000
