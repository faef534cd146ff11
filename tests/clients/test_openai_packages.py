"""OpenAI's packages for JavaScript as npm has them, and the page of docs as it is."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.clients.npm import HERE, program
from tests.support import processes
from tests.support.programs import needed
from tests.support.servers import Calls, Fail, Text

pytestmark = pytest.mark.long

PAGE = (HERE.parents[1] / "docs/front-ends.md").read_text().partition("\n## OpenAI\n")[2]
VERSIONS = ("openai", "openai7")
ANSWER = "The current price of ETH is $3,500.00."


def shown(language: str, url: str) -> str:
    """The page's code, for the backend of the test."""
    (code,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return code.replace("http://127.0.0.1:8000", url)


def node(package: str) -> Path:
    program(f"{package}/package.json")
    return program("node-*-*/bin/node") if package == "openai7" else Path(needed("node"))


def test_the_code_in_python_works_when_pasted(webs):
    ran = processes.run([sys.executable, "-c", shown("python", webs[0])])
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith(ANSWER)
    assert "completed" in ran.stdout.splitlines()[-1]


@pytest.mark.parametrize("package", VERSIONS)
def test_the_code_in_javascript_works_when_pasted(webs, package):
    code = shown("js", webs[0]).replace("from 'openai'", f"from '{package}'")
    ran = processes.run([node(package), "--input-type=module", "-e", code], cwd=HERE)
    assert ran.returncode == 0, ran.stderr
    said, *items = ran.stdout.splitlines()
    assert said.startswith(ANSWER)
    assert [*items[:3], said.removeprefix(ANSWER)] == ["message", "mcp_call", "message", "message"]


@pytest.mark.parametrize("package", VERSIONS)
def test_streams_cancels_errors_many_calls_and_a_web_that_dies_are_what_the_package_expects(
    backend, webs, key, provider, package
):
    calls = [[Calls([("Add", {"a": number, "b": one}) for number in range(50)])] for one in range(4)]
    text = provider.script(f"adds 200 times with {package}", *calls, [Text(["All added."])])
    failing = provider.script(f"fails with {package}", [Fail(401)])
    dying, url = backend.web()
    arguments = [package, *webs, key, text, failing, url, str(dying.pid)]
    ran = processes.run([node(package), HERE / "openai_session.mjs", *arguments], cwd=HERE)
    assert ran.returncode == 0, ran.stderr
