"""The rules of the house: who may import what, who knows what, what must not be loaded."""

from __future__ import annotations

import ast
import functools
import os
import re
import sys
from collections import Counter
from pathlib import Path
from typing import get_args

import pytest

from app import create_app, dialects
from app.config import Settings
from app.services import build
from app.state import redis_keys, redis_schema
from app.state.turns.run_status import ENDED, RunStatus
from tests.support import processes

ROOT = Path(__file__).parents[1]
SOURCES = sorted([*ROOT.glob("app/**/*.py"), *ROOT.glob("workers/**/*.py")])


@functools.cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Of the whole file."""
    return tuple(ast.walk(ast.parse(path.read_text())))


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def imported(path: Path) -> set[str]:
    """As `imports`, with the names that are taken out of a module."""
    taken = [node for node in nodes(path) if isinstance(node, ast.ImportFrom)]
    return imports(path) | {alias.name for node in taken for alias in node.names}


def literals(path: Path) -> list[str]:
    """Strings and bytes of the code, docstrings left out."""
    docs = {id(node.value) for node in nodes(path) if isinstance(node, ast.Expr)}
    values = [n.value for n in nodes(path) if isinstance(n, ast.Constant) and id(n) not in docs]
    return [v.decode("latin-1") if isinstance(v, bytes) else v for v in values if isinstance(v, str | bytes)]


def named(*parts: str) -> set[Path]:
    return {ROOT / part for part in parts}


def importers(package: str) -> set[Path]:
    return {p for p in SOURCES if any(name.split(".")[0] == package for name in imports(p))}


def test_app_never_imports_workers():
    assert not [p for p in importers("workers") if p.is_relative_to(ROOT / "app")]


def test_one_room_knows_litellm():
    assert all(p.is_relative_to(ROOT / "workers/models") for p in importers("litellm"))


def test_redis_is_spoken_to_in_app_state_alone():
    assert all(p.is_relative_to(ROOT / "app/state") for p in importers("redis"))


def test_one_file_knows_the_wire_format():
    knowing = {p for p in SOURCES if any("data: " in text or "event-stream" in text for text in literals(p))}
    assert knowing == named("app/events/sse.py")


def test_two_files_know_redis_key_names():
    beginnings = tuple(key.pattern.split("<")[0] for key in redis_schema.SCHEMA if "<" in key.pattern)
    knowing = {p for p in SOURCES if any(text.startswith(beginnings) for text in literals(p))}
    assert knowing == named("app/state/redis_keys.py", "app/state/redis_schema.py")
    for script in set(ROOT.glob("app/state/lua/*.lua")) - named("app/state/lua/keys.lua"):
        code = "\n".join(line.split("--")[0] for line in script.read_text().splitlines())
        assert "':" not in code, f"{script.name} spells a key name"


def test_the_wall_clock_of_a_process_is_read_where_no_other_process_compares_it():
    """Clocks of machines differ; what processes compare comes from Redis's clock (`app.state.clock`)."""
    reading = re.compile(r"\btime\.time\(|\.utcnow\(|datetime\.now\(|datetime\.today\(|date\.today\(")
    alone = named("workers/tools/clock.py", "workers/models/failures.py")  # told to a model; compared with a provider's
    assert {p for p in SOURCES if reading.search(p.read_text())} == alone


def test_a_dialect_is_known_to_nobody_but_create_app():
    """The reference API's views do not know which dialects wrap them."""
    outside = [p for p in SOURCES if not p.is_relative_to(ROOT / "app/dialects")]
    assert {p for p in outside if any("dialects" in name for name in imported(p))} == named("app/__init__.py")
    spoken = {"is_streaming", "system_events", "InlineCall", "SystemNotice", "wallet:tx_complete", "rig"}
    spoken |= {"x-vercel-ai-ui-message-stream", "text-delta", "dynamic-tool", "regenerate-message"}
    assert not [p for p in outside if spoken & set(literals(p))]


def test_a_dialect_imports_no_other_dialect():
    folders = [path for path in (ROOT / "app/dialects").iterdir() if (path / "__init__.py").exists()]
    assert {folder.name for folder in folders} == set(dialects.DIALECTS)
    for folder in folders:
        foreign = ("app.dialects", *(f"app.dialects.{name}" for name in dialects.DIALECTS if name != folder.name))
        assert not [path for path in folder.rglob("*.py") if imports(path) & set(foreign) or loads(path, foreign[1:])]


def loads(path: Path, packages: tuple[str, ...]) -> bool:
    return any(name.startswith(f"{package}.") for name in imports(path) for package in packages)


def test_the_scripts_name_keys_as_python_does():
    import fakeredis

    redis = fakeredis.FakeRedis()
    names = (ROOT / "app/state/lua/keys.lua").read_text()
    calls = (
        "local S = KEYS[1] return {threads_key(S), thread_key(S, 't'), messages_key(S, 't'), waiting_key(S), "
        "updates_key(S), run_key(S, 'r'), log_key(S, 'r'), mailbox_key(S), fetched_key(S), request_field(7), "
        "client_key(S), kept_key(S), kept_name(S, 'n'), log_of(run_key(S, 'r')), usage_key(S), response_usage_key(S), "
        "model_call_field(7), charge_field(7), tools_key(S), call_name(S, 'r:c'), files_key(S), file_key(S, 'f'), "
        "file_data_key(S, 'f'), branches_key(S, 't'), aside_key(S, 't'), ids_key(S, 't'), answer_field('c'), "
        "owner_key(S), feedback_key(S, 't')}"
    )
    assert set(re.findall(r"function (\w+)", names)) == set(re.findall(r"(\w+)\(", calls))
    found = [name.decode() for name in redis.eval(names + calls, 1, redis_keys.session("s"))]
    assert found == [
        redis_keys.threads("s"),
        redis_keys.thread("s", "t"),
        redis_keys.messages("s", "t"),
        redis_keys.waiting("s"),
        redis_keys.updates("s"),
        redis_keys.run("s", "r"),
        redis_keys.log("s", "r"),
        redis_keys.mailbox("s"),
        redis_keys.fetched("s"),
        redis_keys.request_field(7),
        redis_keys.client("s"),
        redis_keys.kept("s"),
        f"{redis_keys.session('s')}:n",
        redis_keys.log("s", "r"),
        redis_keys.session_usage("s"),
        redis_keys.response_usage("s"),
        redis_keys.model_call_field("7"),
        redis_keys.charge_field("7"),
        redis_keys.tools("s"),
        redis_keys.call("s", "r", "c"),
        redis_keys.files("s"),
        redis_keys.file("s", "f"),
        redis_keys.file_data("s", "f"),
        redis_keys.branches("s", "t"),
        redis_keys.aside("s", "t"),
        redis_keys.message_ids("s", "t"),
        redis_keys.answer_field("c"),
        redis_keys.owner("s"),
        redis_keys.feedback("s", "t"),
    ]


def test_no_script_reads_a_whole_list_that_a_client_can_make_long():
    """Redis does nothing else meanwhile. Each place that does has a bound."""
    bounded = {
        ("fetch_mailbox.lua", "LRANGE"): "MAX_MAILBOX_EVENTS",
        ("answer_calls.lua", "LRANGE"): "AOMI_MAX_WAITING",
        ("find_open_calls.lua", "ZREVRANGE"): "AOMI_MAX_THREADS",
        ("joining.lua", "LRANGE"): "AOMI_MAX_WAITING",
        ("snapshot.lua", "LRANGE"): "AOMI_MAX_WAITING",
        ("start.lua", "LRANGE"): "AOMI_MAX_WAITING",
        ("take_slot.lua", "ZRANGE"): "the limit of turns at once, with the messages that wait",
    }
    reading = re.compile(r"redis\.call\('(\w*RANGE|SMEMBERS|HVALS)', [^\n]*?(?:, [01], -1|, '-', '\+')\)")
    found = {
        (script.name, match[1])
        for script in ROOT.glob("app/state/lua/*.lua")
        for match in reading.finditer(script.read_text())
    }
    assert found == set(bounded)


def test_the_scripts_know_which_turns_are_over_as_python_does():
    import fakeredis

    redis = fakeredis.FakeRedis()
    prelude = "".join((ROOT / f"app/state/lua/{name}.lua").read_text() for name in ("keys", "prelude"))
    over = {status for status in get_args(RunStatus) if redis.eval(prelude + "return has_ended(ARGV[1])", 0, status)}
    assert over == ENDED


def test_every_module_with_views_is_mounted():
    app = create_app(build(Settings(config=ROOT / "aomi.yaml", jwt_secret="a secret of 32 bytes, or of more")))
    mounted = {blueprint.import_name for blueprint in app.blueprints.values()}
    rooms = [path for room in ("api", "pages", "dialects") for path in ROOT.glob(f"app/{room}/**/*.py")]
    modules = {
        ".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for p in rooms
        if "= Blueprint(" in p.read_text()
    }
    assert modules == mounted


def test_the_environment_is_read_in_few_places():
    knowing = named(
        "app/config/reading.py",
        "app/catalog/loading.py",
        "app/catalog/models.py",
        "app/catalog/webhooks.py",
        "workers/mcp/servers.py",
        "app/sd_notify.py",
        "app/serving.py",
        "app/commands/dev.py",
        "app/commands/dev_file.py",
        "workers/models/__init__.py",
        "workers/models/models.py",
    )
    for path in set(SOURCES) - knowing:
        reads = [ast.unparse(node) for node in nodes(path) if isinstance(node, ast.Attribute)]
        assert not {"os.environ", "os.getenv"} & set(reads), path


@pytest.mark.parametrize("statement", ["import app", "import app; app.create_app()", "import app.commands.cli"])
def test_the_web_side_never_loads_litellm_or_workers(statement):
    code = f"{statement}; import sys; assert not {{'litellm', 'workers'}} & set(sys.modules)"
    ran = processes.run([sys.executable, "-c", code], cwd=ROOT)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("module", ["workers.__main__", "workers.check.__main__"])
def test_tools_are_imported_before_litellm_and_find_its_variables_set(module):
    """A quick check; and a tool that imports litellm itself gets the one that the model edge expects."""
    code = f"import {module}, sys, os; assert 'litellm' not in sys.modules; os.environ['LITELLM_LOCAL_MODEL_COST_MAP']"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LITELLM")}
    ran = processes.run([sys.executable, "-c", code], cwd=ROOT, env=environment)
    assert ran.returncode == 0, ran.stderr


def test_gunicorn_reads_its_settings_without_flask():
    """They are read before gevent patches the modules that Flask and its neighbours import."""
    code = "import app.serving, sys; assert not {'flask', 'werkzeug', 'redis', 'rq'} & set(sys.modules)"
    ran = processes.run([sys.executable, "-c", code], cwd=ROOT)
    assert ran.returncode == 0, ran.stderr


def test_no_exporter_of_traces_is_loaded_unless_it_is_wanted():
    """(redis-py looks for the SDK by itself.)"""
    code = "import app; app.create_app(); import sys; "
    code += (
        "assert not {'app.telemetry.otel', 'opentelemetry.exporter', 'google.protobuf', 'requests'} & set(sys.modules)"
    )
    ran = processes.run([sys.executable, "-c", code], cwd=ROOT)
    assert ran.returncode == 0, ran.stderr


def test_commands_print_in_one_way():
    """So that no control character of what a client or a model wrote reaches a terminal. Two parts of the chat write
    pieces of lines, which they clean."""
    printing = {"print", "click.echo", "click.secho", "sys.stdout.write", "sys.stderr.write"}

    def prints(path: Path) -> bool:
        calls = [node for node in nodes(path) if isinstance(node, ast.Call)]
        return bool(printing & {ast.unparse(call.func) for call in calls})

    found = {p for p in SOURCES if p.is_relative_to(ROOT / "app/commands") and prints(p)}
    assert found == {ROOT / "app/commands" / name for name in ("echo.py", "chat/screen.py", "chat/pipe.py")}


def test_broad_excepts_stand_where_they_must():
    places = Counter(
        str(path.relative_to(ROOT))
        for path in SOURCES
        for node in nodes(path)
        if isinstance(node, ast.ExceptHandler) and broad(node.type)
    )
    assert places == {
        "app/turns/reaper.py": 1,
        "workers/webhooks/sender.py": 1,  # a broken record must not be tried without an end to it
        "app/reloading/watcher.py": 1,
        "app/telemetry/otel.py": 1,
        "app/state/uploads/file_storage.py": 1,
        "app/state/uploads/files.py": 1,
        "workers/toolbox.py": 1,
        "workers/tools/async_loop.py": 1,
        "workers/tools/approval.py": 1,  # the rule of a tool's author
        "workers/tools/results.py": 1,
        "workers/jobs/turn_job.py": 1,
        "workers/usage_settler.py": 1,
        "workers/mcp/connection.py": 2,  # the SDK raises groups of anything that its tasks met
        "workers/models/formats.py": 1,
        "workers/models/call.py": 2,
        "workers/models/pricing.py": 2,
    }


def broad(caught: ast.expr | None) -> bool:
    return caught is None or (isinstance(caught, ast.Name) and caught.id in ("Exception", "BaseException"))
