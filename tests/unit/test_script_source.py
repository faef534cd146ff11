"""Scripts are sent with those definitions of the library that they use, and no others."""

import re
from pathlib import Path

import pytest

from app.state import script_source

LUA = Path(script_source.__file__).parent / "lua"
SCRIPTS = sorted({path.stem for path in LUA.glob("*.lua")} - set(script_source.LIBRARY))


def defined(text: str) -> list[str]:
    found = re.findall(r"^local (?:function )?([\w, ]+?)(?: =|\(|$)", text, re.MULTILINE)
    return [name for names in found for name in names.split(", ")]


NAMES = [name for part in script_source.LIBRARY for name in defined((LUA / f"{part}.lua").read_text())]


def test_a_script_has_what_it_uses_through_others_too() -> None:
    needed = {"run_key", "log_of", "log_key", "hidden", "log_frames", "PUBLISH"}
    assert needed <= set(defined(script_source.source("append")))


def test_a_script_has_nothing_that_it_does_not_use() -> None:
    assert "find_target" not in script_source.source("append")
    assert "PUBLISH" not in script_source.source("claim")


def test_the_command_that_publishes_is_the_given_one() -> None:
    assert "local PUBLISH = 'SPUBLISH'" in script_source.source("append", "SPUBLISH")


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_function_is_defined_before_it_is_called(name: str) -> None:
    text = script_source.source(name)
    calls = [call for call in re.finditer(r"(?<![.\w])(\w+)\(", text) if call[1] in NAMES]
    assert all(0 <= text.find(f"function {call[1]}(") <= call.start() for call in calls)


@pytest.mark.parametrize("part", script_source.LIBRARY)
def test_a_file_of_the_library_has_definitions_alone(part: str) -> None:
    outermost = [line for line in (LUA / f"{part}.lua").read_text().splitlines() if line[:1].strip()]
    assert all(line.startswith(("local ", "--", "end")) for line in outermost)


def test_names_of_the_library_are_unique() -> None:
    assert len(NAMES) == len(set(NAMES))
