"""What gets into a log line, and what does not."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import gevent
import pytest

from app.errors import ConfigError
from app.telemetry import log_context, logs, prints, redaction
from app.telemetry.log_context import LogContext
from app.turns.rq_queue import turn_job_id

SAID = "the-whispered-text"


@pytest.fixture(params=["json", "text"])
def line(request):
    """What a formatter makes of a record."""

    def made(record, content=False):
        text = logs.formatter(request.param, content).format(record)
        assert request.param == "text" or json.loads(text)
        return text

    return made


def record(name="app.x", path="/app/x.py", words="words", args=(), error=None):
    info = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord(name, logging.ERROR, path, 7, words, args, info)


def raised(error, cause=None):
    """The exception as it is caught."""
    try:
        raise error from cause
    except type(error) as caught:
        return caught


def test_a_traceback_has_the_classes_of_all_causes_and_nothing_that_they_say(line):
    error = raised(RuntimeError(SAID), raised(ValueError(f"because {SAID}")))
    text = line(record(error=error))
    assert text.index("ValueError") < text.index("RuntimeError")
    assert "test_redaction.py" in text
    assert SAID not in text


def test_what_an_exception_says_is_shown_where_content_may_be(line):
    assert SAID in line(record(error=raised(RuntimeError(SAID))), content=True)


@pytest.mark.parametrize("error", [ConfigError("AOMI_X: wrong"), AttributeError("no attribute 'x'")])
def test_exceptions_that_speak_of_the_code_or_the_settings_are_quoted(line, error):
    assert str(error) in line(record(error=raised(error))).replace('\\"', '"')


def test_a_librarys_message_is_shown_by_its_place_alone(line):
    text = line(record("asyncio", asyncio.__file__, "exception: %s", (SAID,)))
    assert SAID not in text
    assert "a message of asyncio" in text
    assert SAID in line(record("asyncio", asyncio.__file__, "exception: %s", (SAID,)), content=True)


def test_the_operators_own_tools_say_what_they_want(line):
    assert "the shop is closed" in line(record("shop", "/srv/shop.py", "the shop is %s", ("closed",)))


@pytest.mark.parametrize(
    ("name", "path", "level", "wanted"),
    [
        ("shop", "/srv/shop.py", logging.INFO, True),
        ("app.web.access_log", logs.__file__, logging.INFO, True),
        ("asyncio", asyncio.__file__, logging.INFO, False),
        ("asyncio", asyncio.__file__, logging.WARNING, True),
        ("installed_tools.shop", pytest.__file__, logging.INFO, True),
    ],
)
def test_tools_log_from_info_on_and_libraries_from_warning_on(monkeypatch, name, path, level, wanted):
    monkeypatch.setattr(redaction, "_operators", set())
    redaction.include("installed_tools")
    line = record(name, path)
    line.levelno = level
    assert redaction.is_wanted(line) is wanted


@pytest.mark.parametrize(
    "key",
    [
        "sk-proj-0123456789abcdef",
        "aomi_MxOcWkQaVU65G_r4OQie-NBJFCDA08QcPDIXzPVo-zw",
        "AIzaSyA0123456789abcdef",
        "cMHBvgpKQfFLoFRXF6sxBnpGUsQ1bFMSWmd0XXrPKNE=",
    ],
)
@pytest.mark.parametrize("content", [False, True])
def test_keys_are_masked_always(line, key, content):
    text = line(record(words="refused %s.", args=(key,), error=raised(RuntimeError(f"with {key}"))), content)
    assert key not in text
    assert "[key]" in text


@pytest.mark.parametrize("session_id", ["00000000-0000-4000-8000-00000000000a", "a:secret.name"])
def test_the_id_of_a_job_is_logged_without_its_session(line, session_id):
    run_id = "run_" + "0f" * 16
    text = line(record("rq.registry", words="moving job %s away", args=(turn_job_id(session_id, run_id),)))
    assert f"moving job {run_id} away" in text


def test_halves_of_characters_can_be_logged(line):
    assert "half" in line(record(words="half \ud83d"))


def test_a_line_names_what_is_being_worked_on():
    with log_context.log_context(LogContext("ask-1", "12345678", "run_1")):
        told = json.loads(logs.formatter("json").format(record()))
    assert (told["request"], told["session"], told["run"]) == ("ask-1", "12345678", "run_1")
    conceal = prints.tool_output("Buy", lambda text: text.replace("words", "$SECRET:WORDS"))
    with log_context.log_context(LogContext()), conceal:
        told = json.loads(logs.formatter("json").format(record()))
        assert (told["tool"], told["message"]) == ("Buy", "$SECRET:WORDS")
        assert logs.formatter("text").format(record()).endswith("$SECRET:WORDS [tool Buy]")
    with log_context.log_context(LogContext()):
        assert "request" not in json.loads(logs.formatter("json").format(record()))


def in_a_thread(work):
    with ThreadPoolExecutor() as pool:
        return pool.submit(work).result()


def test_the_threads_of_a_tool_log_no_secret_either(line):
    with prints.tool_output("Buy", lambda text: text.replace("words", "$SECRET:WORDS")):
        assert "bad $SECRET:WORDS" in in_a_thread(lambda: line(record("my_tool", words="bad %s", args=("words",))))
        quoting = record("my_tool", error=raised(AttributeError("no words")))
        assert "no $SECRET:WORDS" in in_a_thread(lambda: line(quoting))
        assert "our own words" in in_a_thread(lambda: line(record("workers.turn", words="our own words")))
    assert "bad words" in in_a_thread(lambda: line(record("my_tool", words="bad %s", args=("words",))))


def test_what_a_tool_conceals_is_nothing_to_other_tools(line):
    conceals, as_it_is = prints.tool_output("Buy", lambda text: text.replace("words", "$SECRET:WORDS")), str
    with conceals, prints.tool_output("Sell", as_it_is):
        assert "bad words" in line(record("my_tool", words="bad words"))


@pytest.fixture
def written(monkeypatch):
    """What the process's own log gets."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.formatter("json"))
    monkeypatch.setattr(logs.log, "handlers", [handler])
    return stream


def test_a_thread_that_breaks_is_a_line_without_what_its_exception_says(written, monkeypatch):
    monkeypatch.setattr(threading, "excepthook", logs.thread_uncaught)
    thread = threading.Thread(target=int, args=(SAID,), name="broken")  # its ValueError quotes it
    thread.start()
    thread.join()
    told = json.loads(written.getvalue())
    assert told["message"] == "unhandled exception in thread 'broken'"
    assert SAID not in written.getvalue()


def test_a_greenlet_that_breaks_is_a_line_without_what_its_exception_says(written, monkeypatch):
    monkeypatch.setattr(gevent.get_hub(), "print_exception", logs.greenlet_uncaught, raising=False)

    def broken():
        raise RuntimeError(SAID)

    gevent.spawn(broken).join()
    assert "unhandled exception in a greenlet" in written.getvalue()
    assert SAID not in written.getvalue()
