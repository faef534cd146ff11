"""Secrets in the arguments of tools: put in at call time, taken out of what comes back."""

from __future__ import annotations

import json
import logging

import pytest

from app.telemetry import logs
from workers.cancellation import CancelToken
from workers.secrets import Secrets, UnknownSecret
from workers.toolbox import Toolbox, ToolLimits
from workers.tools import ClientRequest, Tool, ToolContext, ToolError
from workers.tools.clock import GetCurrentTime
from workers.tools.prices import GetTokenPrice
from workers.tools.wallet import SendTransactionToWallet, SignTypedData
from workers.turn import ToolRequest


def some() -> Secrets:
    return Secrets({"A": "alpha", "LONG": "alpha-beta", "C-1": "$SECRET:A"})


def test_a_handle_is_replaced_wherever_it_stands_in_the_arguments():
    given = {"h": "Bearer $SECRET:A", "deep": [{"$SECRET:A": "$SECRET:LONG!"}], "n": 5, "none": None}
    assert some().reveal(given) == {"h": "Bearer alpha", "deep": [{"alpha": "alpha-beta!"}], "n": 5, "none": None}


def test_a_secret_that_holds_a_handle_is_not_looked_into():
    assert some().reveal("$SECRET:C-1") == "$SECRET:A"


def test_a_secret_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(UnknownSecret, match=r"no secret 'B'; there are: \$SECRET:A, \$SECRET:C-1, \$SECRET:LONG"):
        some().reveal("$SECRET:B")


def test_a_result_gets_the_handles_back_the_longest_secret_first():
    assert some().conceal(["alpha-beta", {"alpha": "xalphax"}]) == ["$SECRET:LONG", {"$SECRET:A": "x$SECRET:Ax"}]


def test_a_client_without_secrets_is_told_so():
    assert not Secrets({})
    assert Secrets({}).conceal(["alpha"]) == Secrets({}).reveal(["alpha"]) == ["alpha"]
    with pytest.raises(UnknownSecret, match="no secret 'A'; there are: none"):
        Secrets({}).reveal({"deep": [{"$SECRET:A": 1}]})


def Say(word: str) -> str:
    """Say a word."""
    return f"said {word}"


def Object(word: str) -> None:
    """Object to a word."""
    raise ToolError(f"not {word}")


def Break(word: str) -> None:
    """Break on a word."""
    raise RuntimeError(word)


def Show(word: str) -> ClientRequest:
    """Show a word to the user."""
    return ClientRequest("show_request", {"word": word})


def Name(word: str) -> ClientRequest:
    """Ask for what a word names."""
    return ClientRequest(f"show_{word}", {})


def Note(word: str) -> None:
    """Log a word."""
    logging.getLogger("tests").warning("got %s, in capitals %s", word, word.upper())


def run(function, asked=None, secrets=None, args='{"word": "$SECRET:A"}'):
    def ask(call, wanted):
        asked.append(wanted)
        return "asked"

    tools = {function.__name__: Tool(function, "tests")}
    toolbox = Toolbox(tools, ToolContext(secrets=secrets or some()), lambda *_: None, ToolLimits(2.0, 200), ask)
    call = ToolRequest("call_1", function.__name__, args)
    ((_, result),) = toolbox((call,), CancelToken())
    return result


def test_a_tool_gets_the_secret_and_the_model_the_handle():
    assert run(Say) == "said $SECRET:A"
    assert run(Object) == {"error": "not $SECRET:A"}


def test_the_kind_of_a_client_request_cannot_be_a_secret():
    assert run(Name, []) == {"error": "The kind of a client request must not contain a secret"}


def test_what_a_tool_logs_holds_the_handle(caplog):
    formatter = logs.formatter("text", content=True)
    caplog.handler.setFormatter(formatter)
    run(Note)
    assert "got $SECRET:A, in capitals $SECRET:A" in caplog.text


TOOLS = {
    GetCurrentTime: ("timezone", "There is no time zone"),
    GetTokenPrice: ("symbol", "Invalid arguments"),
    SendTransactionToWallet: ("to", "Invalid arguments"),
    SignTypedData: ("description", "Invalid arguments"),
}


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("argument", ["$SECRET:T", "Bearer $SECRET:T", "x" * 40 + "$SECRET:T"])
def test_what_a_built_in_tool_says_of_its_arguments_is_said_of_the_handle(tool, argument):
    value = "Correct/Horse-Battery_Staple=42"
    name, error = TOOLS[tool]
    said = run(tool, secrets=Secrets({"T": value}), args=json.dumps({name: argument, "$SECRET:T": argument}))
    assert error in said["error"] or "Extra inputs are not permitted" in said["error"]
    parts = {value[at : at + 6].lower() for at in range(len(value) - 5)}
    assert not [part for part in parts if part in said["error"].lower()]
    said = run(tool, secrets=Secrets({"T": value}), args=json.dumps({name: argument}))
    assert error in said["error"]
    assert not [part for part in parts if part in said["error"].lower()]


def test_the_traceback_of_a_tool_that_has_secrets_is_not_logged(caplog):
    with caplog.at_level(logging.ERROR):
        assert run(Break) == {"error": "The tool Break failed; the server's log says why"}
    assert "tool Break failed: RuntimeError" in caplog.text
    assert "alpha" not in caplog.text


def test_what_the_client_is_asked_holds_the_handle():
    asked: list[ClientRequest] = []
    assert run(Show, asked) == "asked"
    assert asked == [ClientRequest("show_request", {"word": "$SECRET:A"})]


def test_a_context_does_not_show_its_secrets_when_it_is_logged():
    assert "alpha" not in repr(ToolContext(secrets=None))
    assert "alpha" not in repr(some())


@pytest.mark.parametrize("kind", ["", "Photo", "a photo", "_photo", "x" * 65])
def test_the_kind_of_a_client_request_is_a_word(kind):
    with pytest.raises(ValueError, match="must be a word such as photo"):
        ClientRequest(kind, {})


def test_nothing_is_looked_for_in_a_handle_that_was_put_in():
    """Else names made of the next value would multiply, from secret to secret, until memory ends."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    secrets = Secrets({letters[n + 1] * 64: letters[n] * 4 for n in range(25)})
    assert secrets.conceal("AAAA AAAA") == f"$SECRET:{'B' * 64} $SECRET:{'B' * 64}"


def test_a_secret_that_was_cleared_while_the_turn_runs_is_not_revealed_but_still_concealed():
    there = {"A": "alpha", "B": "bravo"}
    secrets = Secrets(dict(there), lambda: there)
    assert secrets.reveal("$SECRET:A") == "alpha"
    del there["A"]
    with pytest.raises(UnknownSecret, match=r"no secret 'A'; there are: \$SECRET:B$"):
        secrets.reveal("$SECRET:A")
    assert secrets.conceal("alpha") == "$SECRET:A"


@pytest.mark.parametrize("result", [12345678, -12345678, 912345678, 12345678.0, {"a": [12345678.5]}, [*range(1, 9)]])
def test_a_secret_of_digits_is_found_in_numbers(result):
    secrets = Secrets({"PIN": "12345678"})
    assert "$SECRET:PIN" in json.dumps(secrets.conceal(result))


def test_other_numbers_stay_numbers():
    assert Secrets({"PIN": "12345678"}).conceal([97000.5, -1, 0, True, None]) == [97000.5, -1, 0, True, None]
