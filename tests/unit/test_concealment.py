"""No part of a secret comes back from a tool, in whatever form it was put."""

from __future__ import annotations

import base64
import html
import json
import textwrap
import urllib.parse

import pytest

from workers.secrets import Secrets

VALUES = {
    "TOKEN": "s3cret-Value/7+x",
    "LONG": "sk-live-4eC39HqLyjWDarjtT1zdp7dcQvBnMkPo",
    "ODD": "pä\"ß\\x 'w'&<r%d>\t€zq",
    "PEM": "\n".join(textwrap.wrap(base64.b64encode(bytes(range(7, 250)) * 5).decode(), 64)),
}

FORMS = {
    "as it is": str,
    "in capitals": str.upper,
    "swapped case": str.swapcase,
    "all but the last letter": lambda value: value[:-1],
    "all but the first letter": lambda value: value[1:],
    "the first half": lambda value: value[: len(value) // 2],
    "the last half": lambda value: value[len(value) // 2 :],
    "the middle": lambda value: value[len(value) // 4 : -len(value) // 4],
    "repr": repr,
    "repr of repr": lambda value: repr(repr(value)),
    "bytes": lambda value: repr(value.encode()),
    "JSON": json.dumps,
    "JSON in JSON": lambda value: json.dumps(json.dumps([value])),
    "JSON in UTF-8": lambda value: json.dumps(value, ensure_ascii=False),
    "a URL's path": urllib.parse.quote,
    "a URL's query": urllib.parse.quote_plus,
    "a URL in a URL": lambda value: urllib.parse.quote(urllib.parse.quote(value, safe=""), safe=""),
    "HTML": html.escape,
    "code points": lambda value: "".join(f"\\u{ord(letter):04x}" for letter in value),
    "hex": lambda value: value.encode().hex(),
    "hex in capitals": lambda value: value.encode().hex().upper(),
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "base64 behind one byte": lambda value: base64.b64encode(b"u" + value.encode()).decode(),
    "base64 between others": lambda value: base64.b64encode(b"user:" + value.encode() + b"\n").decode(),
    "base64 for URLs": lambda value: base64.urlsafe_b64encode(value.encode()).decode(),
    "octal": lambda value: "".join(f"\\{byte:03o}" for byte in value.encode()),
    "entities": lambda value: "".join(f"&#{ord(letter)};" for letter in value),
    "invisible characters between": "\u200b".join,
    "backwards": lambda value: value[::-1],
}


def given(*names, values=VALUES):
    """The secrets of a turn of whose tools one was given these."""
    secrets = Secrets(values)
    secrets.reveal([f"$SECRET:{name}" for name in names])
    return secrets


def common(text, value):
    """The length of the longest part of the value that is in the text, in any case of the letters."""
    text, value = text.casefold(), value.casefold()
    lengths = range(len(value), 0, -1)
    return next((n for n in lengths if any(value[at : at + n] in text for at in range(len(value) - n + 1))), 0)


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_of_a_secret_that_a_tool_was_given_no_part_is_left_in_any_form(name, form):
    value = VALUES[name]
    said = given(name).conceal(f"There is no [[{form(value)}]], choose")
    assert said.startswith("There is no [[")
    assert said.endswith("]], choose")
    assert f"$SECRET:{name}" in said
    written = said.replace(f"$SECRET:{name}", "").removeprefix("There is no [[").removesuffix("]], choose")
    assert len(written) <= len(form("")) + 10
    assert common(written, value) <= 3


@pytest.mark.parametrize("cut", range(4, 16))
def test_a_cut_secret_is_found_from_four_letters_on(cut):
    value = VALUES["TOKEN"]
    for part in (value[:cut], value[-cut:], value[1 : cut + 1]):
        assert given("TOKEN").conceal(f"no {part!r} here") == "no '$SECRET:TOKEN' here"


def test_of_a_secret_that_no_tool_was_given_words_are_no_parts():
    values = {"TOKEN": "correct-horse-battery"}
    assert given(values=values).conceal("a rectangle of batteries") == "a rectangle of batteries"
    assert given(values=values).conceal("CORRECT%2DHORSE-BAT") == "$SECRET:TOKEN"


def test_a_secret_that_is_a_url_leaves_other_urls_alone():
    values = {"HOOK": "https://hooks.example.com/T0AB/xyzzy42"}
    said = given("HOOK", values=values).conceal("https://a.org and https://hooks.example.com/T0AB/xyzzy4")
    assert said == "https://a.org and $SECRET:HOOK"


def test_a_secret_is_found_in_names_numbers_and_nested_texts():
    values = {"PIN": "839164", "TOKEN": "s3cret-value"}
    result = {"s3cret": {"VALUE": [{"pin": 839164}, 839164.0, 8391, -7, 0.5, True, None]}}
    concealed = given("PIN", "TOKEN", values=values).conceal(result)
    pin, token = "$SECRET:PIN", "$SECRET:TOKEN"
    assert concealed == {token: {token: [{"pin": pin}, pin, pin, -7, 0.5, True, None]}}


@pytest.mark.parametrize("separator", [" ", ", ", "-", "', '", "\n"])
def test_a_spelled_secret_is_found(separator):
    said = given("LONG").conceal(f"It is written: {separator.join(VALUES['LONG'])}")
    assert said == "It is written: $SECRET:LONG"


@pytest.mark.parametrize("size", [2, 3, 4])
def test_a_secret_in_groups_is_found(size):
    value = VALUES["LONG"]
    groups = " ".join(value[at : at + size] for at in range(0, len(value), size))
    assert given("LONG").conceal(f"Number: {groups}") == "Number: $SECRET:LONG"
    assert given("LONG").conceal(f"Number: {value.encode().hex(':')}") == "Number: $SECRET:LONG"


def test_words_in_a_row_are_no_secret():
    text = "it is so, as an old man may say: no, one two six ten; 10:20:30:40 a-b-c-d 2026-11-26T09:12:00.5Z"
    assert given("LONG", "TOKEN").conceal(text) == text


def test_a_secret_in_pieces_is_found_once_there_are_enough_of_them():
    secrets = given("LONG")
    told = [secrets.conceal({"letter": letter, "number": 1})["letter"] for letter in VALUES["LONG"]]
    assert told[:5] == list("sk-li")
    assert set(told[5:]) == {"$SECRET:LONG"}
    assert given("LONG").conceal(list(VALUES["LONG"]))[5:] == told[5:]


def test_handles_in_a_result_stay_whole():
    secrets = given("TOKEN", values={"TOKEN": "my-token-42"})
    assert secrets.conceal("$SECRET:TOKEN is not $SECRET:OTHER, my-token-4") == (
        "$SECRET:TOKEN is not $SECRET:OTHER, $SECRET:TOKEN"
    )


def test_one_secret_after_the_other_is_told_apart():
    assert given(values={"A": "alpha", "B": "bravo"}).conceal("ALPHAbravoalpha") == "$SECRET:A$SECRET:B$SECRET:A"


def test_what_is_no_secret_stays_as_it_was_written():
    text = "100%25 of C:\\new &amp; caf\\u00e9 + ß in “quotes”\n"
    assert given("TOKEN", "ODD").conceal({"text": [text, 5, 1.5]}) == {"text": [text, 5, 1.5]}
