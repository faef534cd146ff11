"""A tool's file that fails when it is imported: file, line, tool and app are named."""

from __future__ import annotations

import sys

import pytest

from app.errors import ConfigError
from workers import tools

FILES = {
    "a syntax error": ("def Buy(item: str) -> str:\n    return item +\n", r"shop\.py:2: .*SyntaxError: invalid syntax"),
    "an indentation": ("def Buy():\nreturn 1\n", r"shop\.py:2: .*IndentationError: expected an indented block"),
    "an exception": ("import os\n\nKEY = os.environ['NOT_SET']\n", r"shop\.py:3: .*KeyError: 'NOT_SET'"),
    "a missing package": ("\nimport no_such_package\n", r"shop\.py:2: .*No module named 'no_such_package'"),
    "a missing name": ("\n\nfrom workers.tools import ToolContxt\n", r"shop\.py:3: .*cannot import name 'ToolContxt'"),
    "an exit": ("import sys\nsys.exit(3)\n", r"shop\.py:2: .*SystemExit: 3"),
    "an exception in a library": ("import json\njson.loads('{')\n", r"shop\.py:2: .*JSONDecodeError"),
    "no bytes of UTF-8": (b"NAME = '\xff'\n", r"shop\.py.*SyntaxError"),
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "shop", raising=False)
    return tmp_path


@pytest.mark.parametrize(("content", "said"), FILES.values(), ids=FILES)
def test_what_fails_in_a_tools_file_is_said_with_its_line_the_tool_and_the_app(folder, content, said):
    (folder / "shop.py").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError, match=f"^{said}") as raised:
        tools.load("shop:Buy", "aomi.yaml:7", app="mugs")
    assert "app 'mugs': the tool 'shop:Buy' cannot be imported: " in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_module_that_another_one_of_the_project_cannot_import_is_said_where_it_is_imported(folder):
    (folder / "shop.py").write_text("from prices import EUROS\n")
    (folder / "prices.py").write_text("EUROS = {\n    'mug': 12.5\n    'shirt': 24\n}\n")
    with pytest.raises(ConfigError, match=r"^prices\.py:2: app 'mugs': the tool 'shop:Buy' .*SyntaxError"):
        tools.load("shop:Buy", "aomi.yaml:7", app="mugs")
