"""Files that are YAML in a way that nobody means: each is refused at once, in one line."""

from __future__ import annotations

import os

import pytest

from app.catalog import loading
from app.errors import ConfigError

GOOD = """
model_list:
  - {model_name: m, litellm_params: {model: demo/assistant, stop: *stop}}
apps:
  - {id: default, model: m}
"""
LAUGHS = "a0: &a0 [x]\n" + "".join(
    f"a{number}: &a{number} [{', '.join([f'*a{number - 1}'] * 9)}]\n" for number in range(1, 12)
)
AT_LINE_1 = {
    "a date that there is not": "x: 2026-13-45",
    "an integer that is none": "x: !!int foo",
    "a number that is none": "x: !!float foo",
    "a truth that is none": "x: !!bool foo",
    "an endless integer": f"x: {'9' * 5000}",
    "a list as a key": "? [a, b]\n: c",
    "an object of Python": "x: !!python/object/apply:os.system [true]",
}
ANYWHERE = {
    "a billion laughs": LAUGHS + GOOD.replace("*stop", "*a11"),
    "an entry in itself": GOOD.replace("{model: demo/assistant, stop: *stop}", "&p {model: demo/assistant, stop: *p}"),
    "too deep": "x: " + "{a: " * 1000 + "}" * 1000,
    "a control character": "x: \0",
}


@pytest.fixture
def refusal(tmp_path):
    def refusal(text: str) -> str:
        path = tmp_path / "aomi.yaml"
        path.write_text(text)
        with pytest.raises(ConfigError) as error:
            loading.load(path, {})
        return str(error.value).removeprefix(str(path))

    return refusal


@pytest.mark.parametrize("text", AT_LINE_1.values(), ids=AT_LINE_1)
def test_a_value_that_cannot_be_read_is_refused_with_its_line(refusal, text):
    told = refusal(text + GOOD.replace(", stop: *stop", ""))
    assert told.startswith(":1: cannot be read as YAML: ")
    assert "\n" not in told


@pytest.mark.parametrize("text", ANYWHERE.values(), ids=ANYWHERE)
def test_a_file_that_would_take_for_ever_is_refused(refusal, text):
    told = refusal(text)
    assert told.startswith(": ")
    assert "\n" not in told


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="is no regular file"):
        loading.load(tmp_path / "pipe", {})
