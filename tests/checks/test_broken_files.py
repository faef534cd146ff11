"""Files that are wrong, each in its way. A comment `# <- words` has what must be said of its line; nothing else may be
said."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from tests.support.backend import ROOT
from workers.check import findings

BROKEN = sorted((Path(__file__).parent / "broken").glob("*.yaml"))
SHOP = '''
def Buy(item: str) -> str:
    """Buy an item."""
    return item


def Untyped(item) -> str:
    """Buy an item."""
    return item
'''


@pytest.fixture(autouse=True)
def no_settings(monkeypatch):
    for name in os.environ:
        if name.startswith("AOMI_"):
            monkeypatch.delenv(name)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A project outside the clone, which is the working directory; a provider's key is set."""
    (tmp_path / "shop.py").write_text(SHOP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "shop", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    return tmp_path


def expected(text: str) -> list[tuple[int, str]]:
    """Line and words of each comment."""
    lines = enumerate(text.splitlines(), 1)
    return [(number, words) for number, line in lines for words in re.findall(r"<- (.*?)(?= # <-|$)", line)]


@pytest.mark.parametrize("broken", BROKEN, ids=lambda path: path.stem)
def test_each_thing_that_is_wrong_is_a_line_with_its_place_and_what_would_be_right(broken, folder):
    (folder / "aomi.yaml").write_text(broken.read_text())
    found, _, _ = findings.find(with_models=broken.stem == "providers")
    wanted = expected(broken.read_text())
    assert wanted
    assert len(found.refused) == len(wanted), found.refused
    for number, words in wanted:
        said = [line for line in found.refused if line.startswith(f"aomi.yaml:{number}: ")]
        assert any(words in line for line in said), (number, words, found.refused)


def test_nothing_is_said_of_the_shipped_file(monkeypatch):
    monkeypatch.chdir(ROOT)
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, "sk-x")
    found, settings, catalog = findings.find(with_models=True)
    assert (found.refused, found.warnings) == ([], [])
    assert settings
    assert len(catalog.models) == 2


def test_a_key_that_encrypts_nothing_is_refused(folder, monkeypatch):
    (folder / "aomi.yaml").write_text((ROOT / "aomi.yaml").read_text())
    monkeypatch.setenv("AOMI_ENCRYPTION_KEY", "secret")
    found, _, _ = findings.find(with_models=False)
    assert [line.partition(", sep")[0] for line in found.refused] == ["AOMI_ENCRYPTION_KEY must be Fernet keys"]


def test_a_key_in_quotes_is_a_warning_that_does_not_show_it(folder, monkeypatch):
    (folder / "aomi.yaml").write_text((ROOT / "aomi.yaml").read_text())
    monkeypatch.setenv("OPENAI_API_KEY", '"sk-x"')
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-y")
    found, _, _ = findings.find(with_models=False)
    told = "OPENAI_API_KEY has a quote or a space at an end of its value, which is sent as it is"
    assert (found.refused, found.warnings) == ([], [told])


def test_warnings_are_said_beside_what_is_refused(folder):
    (folder / "aomi.yaml").write_text("modls: 1\nmodel_list: []\n")
    found, _, _ = findings.find(with_models=False)
    assert len(found.refused) == 1
    assert [line.partition(": nothing")[0] for line in found.warnings] == ["aomi.yaml:1: modls"]
    assert not found.has_read_file
