"""Variables of the environment and lines of `.env`: those that nothing reads, and values that no setting takes."""

from __future__ import annotations

import os
import re
import threading

import pytest

from app import config
from app.errors import ConfigError
from tests.support.backend import ROOT


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    for name in os.environ:
        if name.startswith(("AOMI_", "REDIS_URL")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    before = dict(os.environ)
    yield tmp_path
    for name in os.environ.keys() - before.keys():
        del os.environ[name]  # that of a `.env` file


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("AOMI_REQUIRE_KEYS_FOR_SESSIONS", "AOMI_REQUIRE_KEY_FOR_SESSIONS"),
        ("AOMI_CORS_ORIGIN", "AOMI_CORS_ORIGINS"),
        ("AOMI_ENCRYPTION_KEYS", "AOMI_ENCRYPTION_KEY"),
        ("AOMI_LOGLEVEL", "AOMI_LOG_LEVEL"),
        ("AOMI_GRCAE", "AOMI_GRACE"),
        ("aomi_leases", "AOMI_LEASE"),
        ("AOMI_REDIS_URL", "REDIS_URL"),
        ("AOMI_PORT", "PORT"),
        ("AOMI_METRICS_TOKEN_FILES", "AOMI_METRICS_TOKEN_FILE"),
    ],
)
def test_a_misspelt_variable_is_refused_and_the_right_one_named(monkeypatch, wrong, right):
    monkeypatch.setenv(wrong, "1")
    with pytest.raises(ConfigError, match=f"^{wrong}: there is no such setting; did you mean {right}\\?$"):
        config.load()


def test_a_misspelt_variable_beside_the_right_one_is_a_warning(monkeypatch):
    monkeypatch.setenv("AOMI_CORS_ORIGIN", "*")
    monkeypatch.setenv("AOMI_CORS_ORIGINS", "*")
    _, warnings = config.read()
    assert warnings == ["AOMI_CORS_ORIGIN: there is no such setting; did you mean AOMI_CORS_ORIGINS?"]


def test_half_of_a_name_is_a_warning_that_names_the_whole(monkeypatch):
    monkeypatch.setenv("AOMI_REQUIRE_KEY", "1")
    assert config.read()[1] == [
        "AOMI_REQUIRE_KEY: there is no such setting; did you mean AOMI_REQUIRE_KEY_FOR_SESSIONS?"
    ]


def test_a_variable_of_another_program_is_a_warning(monkeypatch):
    monkeypatch.setenv("AOMI_SHOP_TOKEN", "x")
    assert config.read()[1] == ["AOMI_SHOP_TOKEN: there is no such setting"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AOMI_PORT", "tcp://10.0.0.1:80"),
        ("AOMI_WEB_PORT", "tcp://10.0.0.1:80"),
        ("AOMI_SERVICE_HOST", "10.0.0.1"),
        ("AOMI_SERVICE_PORT_HTTP", "80"),
        ("AOMI_WEB_PORT_8000_TCP_ADDR", "10.0.0.1"),
    ],
)
def test_the_variables_that_kubernetes_sets_are_no_settings(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert config.read()[1] == []


def test_a_variable_of_the_env_file_is_named_with_its_line(folder):
    (folder / ".env").write_text("# settings\n\nAOMI_GRACE=-1\nOPENAI_API_KEY='a\nb'\n\nAOMI_LEASES=5\nAOMI_DRAIN 5\n")
    with pytest.raises(ConfigError) as raised:
        config.load()
    assert str(raised.value).splitlines() == [
        ".env:7: AOMI_LEASES: there is no such setting; did you mean AOMI_LEASE?",
        ".env:3: AOMI_GRACE: Input should be greater than or equal to 0",
    ]


def test_a_line_of_the_env_file_that_sets_nothing_is_a_warning(folder):
    (folder / ".env").write_text("\nAOMI_DRAIN 5\nAOMI_GRACE\nAOMI_LEASE=5\n")
    assert config.read()[1] == [f".env:{line}: sets nothing; write NAME=value" for line in (2, 3)]


def test_every_variable_that_a_file_of_the_project_names_is_known():
    """Settings, commands, deploy files, docs: whatever someone may copy."""
    places = [
        "app/**/*.py",
        "workers/**/*.py",
        "deploy/**/*",
        "docs/*.md",
        "*.md",
        "*.yml",
        "*.yaml",
        "app.json",
        "Makefile",
    ]
    texts = [path.read_text() for place in places for path in ROOT.glob(place) if path.is_file()]
    names = {name for text in texts for name in re.findall(r"\bAOMI_[A-Z0-9]+(?:_[A-Z0-9]+)*\b(?!_)", text)}
    names -= {"AOMI_WEB_PORT_8000_TCP"}
    assert len(names) > 50
    assert names - config.known_variables() - set(EXAMPLES) == set()


EXAMPLES = ("AOMI_PORT", "AOMI_X", "AOMI_TEST_PATIENCE", "AOMI_FIGURES")
"""Named for what they are not, and variables of the tests."""


@pytest.mark.parametrize(
    ("origins", "right"),
    [
        ("app.example", "a browser sends https://app.example"),
        ("localhost:3000", "a browser sends http://localhost:3000"),
        ("https://app.example/chat", "a browser sends https://app.example"),
        ("https://App.Example", "a browser sends https://app.example"),
        ("https://app.example:443", "a browser sends https://app.example"),
        ("https://bücher.example", "a browser sends https://xn--bcher-kva.example"),
        ("https://*.example", "list each origin"),
        ("https://a.example https://b.example", "separate origins by commas"),
        ('"https://a.example"', "without quotes"),
        ("https://a.example, b.example", "a browser sends https://b.example"),
        ("https://", "is no origin; write it such as https://app.example"),
        ("https://a.example:port", "is no origin"),
    ],
)
def test_an_origin_that_no_browser_sends_is_refused(monkeypatch, origins, right):
    monkeypatch.setenv("AOMI_CORS_ORIGINS", origins)
    with pytest.raises(ConfigError, match=f"^AOMI_CORS_ORIGINS: '.*{right}"):
        config.load()


@pytest.mark.parametrize(
    "origins",
    ["", "*", "null", "https://app.example", "https://app.example/, http://localhost:3000", "capacitor://localhost"],
)
def test_an_origin_that_a_browser_sends_is_taken(monkeypatch, origins):
    monkeypatch.setenv("AOMI_CORS_ORIGINS", origins)
    assert config.load().cors_origins == origins


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        ("PORT", "http", "must be a whole number, not 'http'"),
        ("WEB_CONCURRENCY", "0", "must be 1 or more"),
        ("WEB_CONCURRENCY", "-2", "must be a whole number, not '-2'"),
    ],
)
def test_a_number_of_gunicorn_that_is_none_is_refused(monkeypatch, name, value, right):
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=f"^{name}: {right}$"):
        config.load()


@pytest.mark.parametrize("value", ["inf", "nan", "-1"])
@pytest.mark.parametrize("name", ["AOMI_LEASE", "AOMI_GRACE", "AOMI_STALL_TIMEOUT", "AOMI_SEND_TIMEOUT"])
def test_a_time_is_a_finite_number_that_is_not_negative(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=f"^{name}: "):
        config.load()


def test_no_number_may_be_negative(monkeypatch):
    fields = {name: field for name, field in config.Settings.model_fields.items() if field.annotation in (int, float)}
    assert len(fields) > 20
    for name in fields:
        monkeypatch.setenv(f"AOMI_{name.upper()}", "-1")
    with pytest.raises(ConfigError) as raised:
        config.load()
    assert {line.split(":")[0] for line in str(raised.value).splitlines()} == {
        f"AOMI_{name.upper()}" for name in fields
    }


def test_an_env_file_that_is_a_pipe_is_read_once(folder):
    """As password managers provide it."""
    os.mkfifo(folder / ".env")
    writer = threading.Thread(target=(folder / ".env").write_text, args=("AOMI_GRACE=3\n",), daemon=True)
    writer.start()
    assert config.load().grace == 3


def test_a_line_is_named_although_the_environment_has_the_same_value(folder, monkeypatch):
    """The environment of a process that `aomi dev` starts, which has read the file before."""
    (folder / ".env").write_text("\nAOMI_GRACE=-1\n")
    monkeypatch.setenv("AOMI_GRACE", "-1")
    with pytest.raises(ConfigError, match=r"^\.env:2: AOMI_GRACE: "):
        config.load()
