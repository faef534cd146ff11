"""`aomi chat` as a person meets it: in a terminal of its own, against a real backend."""

from __future__ import annotations

import threading
import uuid
from contextlib import contextmanager

import pytest

from tests.support.backend import free_port, until
from tests.support.client import Client
from tests.support.line import line_to
from tests.support.servers import Calls, Fail, Held, Silence, StepwiseText, Text
from tests.support.terminal import CTRL_C, CTRL_D, terminal


@pytest.fixture
def chat(webs, backend, key):
    """Opens `aomi chat` in a terminal."""

    @contextmanager
    def run(*args, url=webs[0], **environment):
        more = {"AOMI_URL": url, "AOMI_API_KEY": key} | environment
        with terminal(["-m", "app.commands.cli", "chat", *args], backend.environment | more) as opened:
            yield opened

    return run


def leave(opened):
    """Leaves; returns the id of the session."""
    opened.line("/quit")
    session_id = opened.wait(r"aomi chat --session (\S+)")[1]
    assert opened.exit_code() == 0
    return session_id


def test_an_answer_streams_with_its_tools_their_arguments_results_and_times(chat):
    with chat() as opened:
        opened.prompt()
        opened.line("What is the current price of ETH?")
        opened.wait(r"The current price of ETH is \n⚙ GetTokenPrice\(symbol=\"ETH\"\)\n")
        opened.wait(r"↳ GetTokenPrice, result: \{\"price\":3500.0\} \(\d+\.\d s\)\n\$3,500\.00\.\n> ")
        leave(opened)


def test_a_spinner_turns_until_the_first_token_and_leaves_nothing_behind(chat, provider):
    spun = threading.Event()
    text = provider.script("a slow one", [Held(spun), Text(["Here I am."])])
    with chat("--app", "scripted") as opened:
        opened.prompt()
        opened.line(text)
        opened.wait(r"1 s, Ctrl-C stops it")
        spun.set()
        opened.wait(r"Here I am\.\n> ")
        assert "stops it\r\x1b[KHere I am." in opened.raw


def test_later_steps_of_a_tool_are_shown_while_one_may_already_type(chat):
    with chat() as opened:
        opened.prompt()
        opened.line("Watch the price of ETH 3 times every 0.5 seconds")
        opened.wait(r"WatchTokenPrice, result: \{\"step\":1")
        opened.prompt()
        opened.type("half a li")
        opened.wait(r"WatchTokenPrice, last step: \{\"step\":3.*s\)\n> half a li")
        assert opened.seen.count("a later step") == 1
        opened.line("ne")
        opened.wait("You said: “half a line”")


def test_ctrl_c_stops_the_turn_and_what_was_said_stays(chat, webs):
    with chat() as opened:
        opened.prompt()
        opened.line("count to 5000")
        opened.wait("1 2 3 ")
        opened.type(CTRL_C)
        opened.wait(r"\(stopped\)\n> ")
        session_id = leave(opened)
    state = Client(webs[0], session_id=session_id).state()
    assert state["status"] == "interrupted"
    assert state["messages"][-1]["content"].startswith("1 2 3 ")


def test_ctrl_c_stops_a_turn_whose_provider_is_silent(chat, provider):
    text = provider.script("silent until stopped", [Silence()])
    with chat("--app", "scripted") as opened:
        opened.prompt()
        opened.line(text)
        opened.wait("Ctrl-C stops it")
        opened.type(CTRL_C)
        opened.wait(r"\(stopped\)\n> ")


def test_a_second_ctrl_c_leaves(chat):
    with chat() as opened:
        opened.prompt()
        opened.line("count to 5000")
        opened.wait("1 2 3 ")
        opened.type(CTRL_C)
        opened.wait(r"\(stopped\)\n> ")
        opened.type(CTRL_C)
        opened.wait("To go on: aomi chat --session")
        assert opened.exit_code() == 0


def test_a_second_ctrl_c_leaves_also_when_the_backend_is_gone(chat, webs):
    with line_to(webs[0]) as line, chat(url=line.url) as opened:
        opened.prompt()
        opened.line("count to 5000")
        opened.wait("1 2 3 ")
        line.dead = True
        line.cut()
        opened.wait("The connection is lost")
        opened.type(CTRL_C)
        opened.wait("could not be stopped")
        opened.type(CTRL_C)
        assert opened.exit_code() == 0


def test_at_the_prompt_ctrl_c_asks_for_another_one_and_ctrl_d_leaves(chat):
    with chat() as opened:
        opened.prompt()
        opened.type(CTRL_C)
        opened.wait("Ctrl-C again leaves")
        opened.prompt()
        opened.line("remember 1")
        opened.wait("I will remember 1")
        opened.prompt()
        opened.type(CTRL_C)
        opened.wait("Ctrl-C again leaves")
        opened.prompt()
        opened.type(CTRL_D)
        assert opened.exit_code() == 0


def test_a_lost_connection_is_said_and_the_answer_goes_on_exactly_once(chat, webs, provider):
    pieces = [f"{n} " for n in range(120)]
    answer = StepwiseText(pieces)
    text = provider.script("over a bad line", answer.answer)
    with line_to(webs[0]) as line, chat("--app", "scripted", "--no-color", url=line.url) as opened:
        opened.prompt()
        opened.line(text)
        for last in (9, 49):
            answer.send(last + 1)
            opened.wait(rf"\b{last} ")
            refused = line.refused
            line.dead = True
            line.cut()
            opened.wait(r"The connection is lost \(.+\); trying again in 0\.5 s")
            until(lambda refused=refused: line.refused > refused, what="another try")
            line.dead = False
            answer.send()  # it says so when something comes again
            opened.wait("Connected again")
        answer.finish()
        opened.wait(r"119 \n> ")
        shown = opened.seen.split(text)[1]
    told = [part.rpartition("\r")[2] for part in shown.split("\n") if "Connect" not in part]
    told = [part for part in told if part[:1].isdigit()]
    assert "".join(told).split() == "".join(pieces).split()


@pytest.mark.long
def test_a_line_that_goes_silent_is_left_and_the_answer_goes_on(chat, webs, provider):
    muted = threading.Event()
    text = provider.script("a silent line", [Text(["before "]), Held(muted), Text(["behind"])])
    with line_to(webs[0]) as line, chat("--app", "scripted", url=line.url) as opened:
        opened.prompt()
        opened.line(text)
        opened.wait("before ")
        line.mute()
        muted.set()
        opened.wait(r"The connection is lost \(.+\); trying again in 0.5 s")
        opened.wait(r"behind\n> ")
        assert opened.seen.count("before") == 1


def test_a_message_that_is_lost_on_its_way_is_sent_again_and_answered_once(chat, webs, provider):
    text = provider.script("sent over a dead line", [Text(["here"])])
    with line_to(webs[0]) as line, chat("--app", "scripted", url=line.url) as opened:
        opened.prompt()
        line.dead = True
        line.cut()
        opened.line(text)
        opened.wait("trying again")
        line.dead = False
        opened.wait(r"here\n> ")
    assert len(provider.requests(text)) == 1


def test_models_are_listed_and_chosen(chat, webs):
    with chat() as opened:
        opened.prompt()
        opened.line("/model")
        opened.wait(r"\* demo .*\n  scripted ")
        opened.prompt()
        opened.line("/model nothing")
        opened.wait("Refused: .*nothing")
        opened.prompt()
        opened.line("/model scripted")
        opened.wait("model scripted")
        session_id = leave(opened)
    assert Client(webs[0], session_id=session_id).state()["model"] == "scripted"


def test_apps_are_listed_and_chosen(chat, provider):
    text = provider.script("to the scripted app", [Text(["scripted answer"])])
    with chat() as opened:
        opened.prompt()
        opened.line("/app")
        opened.wait(r"\* default .*\n  scripted ")
        opened.prompt()
        opened.line("/app nothing")
        opened.wait("opens no app 'nothing'")
        opened.prompt()
        opened.line("/app scripted")
        opened.wait("app scripted, model scripted")
        opened.prompt()
        opened.line(text)
        opened.wait(r"scripted answer\n> ")


def test_without_a_key_there_is_the_default_app_and_a_word_how_to_get_others(chat):
    with chat(AOMI_API_KEY="") as opened:
        opened.prompt()
        opened.line("/app")
        opened.wait(r"\* default .*AOMI_API_KEY")
        opened.prompt()
        opened.line("/app scripted")
        opened.wait("Refused: An API key is needed.*; here with --key or AOMI_API_KEY")


def test_threads_are_opened_listed_and_gone_back_to(chat):
    with chat() as opened:
        opened.prompt()
        opened.line("/threads")
        opened.wait("There is no thread yet")
        opened.prompt()
        opened.line("remember 41")
        opened.wait("I will remember 41")
        opened.prompt()
        opened.line("/new About nothing")
        opened.prompt()
        opened.line("What did I ask you to remember?")
        opened.wait("have not asked me to remember")
        opened.prompt()
        opened.line("/threads")
        opened.wait(r"\* 1  About nothing .*\n  2  remember 41 .*\nNumber")
        opened.line("2")
        opened.wait("> remember 41\nI will remember 41")
        opened.prompt()
        opened.line("What did I ask you to remember?")
        opened.wait("asked me to remember 41")
        opened.prompt()
        opened.line("/threads 7")
        opened.wait("no thread '7'")


def test_help_names_every_command_and_a_wrong_one_is_said(chat):
    with chat() as opened:
        opened.prompt()
        opened.line("/help")
        for name in (
            "model",
            "app",
            "attach",
            "withdraw",
            "edit",
            "regenerate",
            "branches",
            "branch",
            "new",
            "threads",
            "answer",
            "refuse",
            "help",
            "quit",
        ):
            opened.wait(rf"\n  /{name} ")
        opened.prompt()
        opened.line("/nonsense")
        opened.wait("no command /nonsense")
        opened.prompt()
        opened.line("//nonsense")
        opened.wait("You said: “/nonsense”")


def test_a_session_is_gone_on_with_and_an_answer_that_still_comes_is_shown(chat, client, provider):
    shown = threading.Event()
    text = provider.script("still coming", [Text(["so far "]), Held(shown), Text(["and on"])])
    with client.chat(text, app="scripted") as stream:
        stream.next("text")
        with chat("--session", client.session_id) as opened:
            opened.wait("still coming · app scripted")
            opened.wait(r"> still coming\nso far ")
            shown.set()
            opened.wait(r"and on\n> ")


def test_a_session_is_gone_on_with_and_shows_what_was_said_last(chat, webs):
    client = Client(webs[0])
    client.ask("remember 17")
    with chat("--session", client.session_id) as opened:
        opened.wait(r"> remember 17\nI will remember 17\.\n> ")
        opened.line("What did I ask you to remember?")
        opened.wait("asked me to remember 17")


def test_a_wallet_request_is_shown_in_words_with_how_to_answer_and_its_answer_goes_on(chat, provider):
    pay = {"to": f"0x{'ab' * 20}", "value": "1500000000000000000", "data": "0x", "chain_id": 8453}
    pay["label"] = "Pay \x1b[31mBob"
    text = provider.script(
        "pay in the terminal", [Calls([("SendTransactionToWallet", pay)])], [Text(["Please sign."])], [Text(["Paid."])]
    )
    with chat("--app", "scripted") as opened:
        opened.prompt()
        opened.line(text)
        opened.wait(r"Request 1: sign and send a transaction with your wallet\. Pay ␛\[31mBob")
        opened.wait(r"1500000000000000000 wei \(1\.5 of the chain's coin\) to 0x(ab)+ on chain 8453")
        opened.wait(r"/answer 1 \{")
        opened.wait(r"/refuse 1")
        opened.wait(r"Please sign\.\n> ")
        opened.line("/answer 1 nonsense")
        opened.wait("Give a number and a JSON object")
        opened.prompt()
        opened.line('/answer 1 {"status": "success", "txHash": "0x1"}')
        opened.wait("Request 1 was answered|ok")
        opened.prompt()
        opened.line("/refuse 1")
        opened.wait("Refused: ")


def test_control_sequences_of_the_model_do_not_reach_the_terminal(chat, provider):
    evil = ["be\x1b]0;owned\x07", "fore \x1b", "[2J\x9b31m after\r", "\u202eend"]
    text = provider.script("evil", [Text(evil)])
    with chat("--app", "scripted") as opened:
        opened.prompt()
        opened.line(text)
        opened.wait(r"be␛\]0;owned␇fore ␛\[2J\\x9b31m afterend\n> ")
    for sequence in ("\x1b]0", "\x07", "\x1b[2J", "\x9b", "\u202e"):
        assert sequence not in opened.raw


def test_a_failure_is_said_in_words_with_its_code(chat, provider):
    text = provider.script("fails in the terminal", [Fail(400)])
    with chat("--app", "scripted") as opened:
        opened.prompt()
        opened.line(text)
        opened.wait(r"Error \(provider_error\): .+\.\n?.*\n> ")


def test_nobody_at_the_address_is_said_with_what_to_do(chat):
    url = f"http://127.0.0.1:{free_port()}"
    with chat(url=url) as opened:
        opened.wait(rf"no backend answers at {url} .*; set its address with --url or AOMI_URL")
        assert opened.exit_code() == 1


def test_a_session_id_that_is_none_is_said(chat):
    with chat("--session", "nonsense") as opened:
        opened.wait("The session id must be a UUID")
        assert opened.exit_code() == 1


def test_what_went_wrong_with_one_message_does_not_end_the_chat(chat):
    with chat("--app", f"no-{uuid.uuid4().hex[:6]}") as opened:
        opened.prompt()
        opened.line("hello")
        opened.wait("Refused: There is no app")
        opened.prompt()
        opened.line("/quit")
        assert opened.exit_code() == 0


def test_a_session_that_is_gone_on_with_shows_the_request_of_a_tool(chat, client, provider):
    text = provider.script("pick a file later", [Calls([("PickFile", {"types": ["txt"]})])], [Text(["Pick one."])])
    client.ask(text, app="scripted")
    with chat("--session", client.session_id) as opened:
        opened.wait(
            r'Request 1: file: \{"types":\["txt"\]\}\n.*/answer 1 .*\n.*/refuse 1 .*\n  It can be answered until 2'
        )
        leave(opened)
