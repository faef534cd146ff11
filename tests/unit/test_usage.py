"""What a model call used: read out of a provider's stream, priced as LiteLLM or aomi.yaml says."""

from __future__ import annotations

from datetime import date

import pytest
import yaml

from app import catalog
from app.errors import ConfigError
from app.usage import ModelCall, Prices, Totals, Usage, dollars
from app.usage.report import InvalidDays, between, month
from workers.models.metering import estimate, measure
from workers.models.reply_builder import ReplyBuilder, StreamOutcome
from workers.models.wires import openai

GPT = {"model_name": "gpt", "litellm_params": {"model": "openai/gpt-4o"}}
LONG = {"model_name": "long", "litellm_params": {"model": "gemini/gemini-2.5-pro"}}
OWN = {"input_cost_per_token": "3e-6", "output_cost_per_token": 0.00001}

TODAY = date(2026, 11, 26)
PROMPT = [{"role": "user", "content": "one two three"}]


def model_of(tmp_path, entry):
    path = tmp_path / "aomi.yaml"
    path.write_text(yaml.safe_dump({"model_list": [entry]}))
    return catalog.load(path, {"OPENAI_API_KEY": "sk-x"}).model(entry["model_name"])


def fold(*chunks):
    builder = ReplyBuilder(lambda _: None)
    for chunk in chunks:
        builder.add(openai.deltas_of({"choices": []} | chunk))
    return builder.outcome()


def said(text, **delta):
    return {"choices": [{"delta": {"content": text} | delta}]}


DONE = {"choices": [{"delta": {}, "finish_reason": "stop"}]}


def test_a_whole_reply_has_its_providers_count():
    details = {"prompt_tokens_details": {"cached_tokens": 4}}
    heard = fold(said("a"), DONE, {"usage": {"prompt_tokens": 9, "completion_tokens": 1} | details})
    assert heard == StreamOutcome("a", Usage(9, 1, cached=4), whole=True, refused=False)


def test_counts_that_rise_or_come_in_several_chunks_are_one():
    begin = {"usage": {"prompt_tokens": 9, "completion_tokens": 1, "cache_creation_input_tokens": 3}}
    end = {"usage": {"prompt_tokens": 0, "completion_tokens": 7, "cache_read_input_tokens": 2}}
    assert fold(begin, said("a"), DONE, end).usage == Usage(9, 7, cached=2, written=3)


@pytest.mark.parametrize(
    "wrong", [{"prompt_tokens": "nine"}, {"prompt_tokens": -1, "prompt_tokens_details": [1]}, {"x": 1}]
)
def test_counts_that_are_none_break_no_turn(wrong):
    assert fold(said("a"), DONE, {"usage": wrong}).usage == Usage()


def test_thoughts_and_tool_calls_are_said_too():
    call = {"index": 0, "id": "c1", "function": {"name": "Add", "arguments": "{}"}}
    assert fold(said(None, reasoning_content="hm "), said("a "), said(None, tool_calls=[call])).said == "hm a Add{}"


def measured(tmp_path, entry, outcome):
    return measure(model_of(tmp_path, entry), PROMPT, [], outcome)


def test_what_the_provider_counted_is_priced_as_litellm_knows(tmp_path):
    used = Usage(1000, 100, cached=400)
    assert measured(tmp_path, GPT, StreamOutcome("a", used, True, False)) == (
        used,
        600 * 2500 + 400 * 1250 + 100 * 10_000,
    )


def test_long_prompts_cost_what_they_cost(tmp_path):
    """Beyond 200,000 tokens some models cost twice as much."""
    (_, short), (_, long) = (
        measured(tmp_path, LONG, StreamOutcome("", Usage(n, 1), True, False)) for n in (100_000, 300_000)
    )
    assert long > 5 * short


def test_a_model_whose_provider_litellm_does_not_know_costs_what_its_map_says(tmp_path):
    model = {"model_name": "m", "litellm_params": {"model": "anyscale/mistralai/Mistral-7B-Instruct-v0.1"}}
    assert measured(tmp_path, model, StreamOutcome("a", Usage(1000, 100), True, False))[1] == 1100 * 150


def test_prices_of_aomi_yaml_go_before_those_of_litellm(tmp_path):
    used = Usage(1000, 100, cached=400)
    cost = measured(tmp_path, GPT | {"model_info": OWN}, StreamOutcome("a", used, True, False))[1]
    assert cost == 1000 * 3000 + 100 * 10_000
    cheaper = OWN | {"cache_read_input_token_cost": 0.000001}
    cost = measured(tmp_path, GPT | {"model_info": cheaper}, StreamOutcome("a", used, True, False))[1]
    assert cost == 600 * 3000 + 400 * 1000 + 100 * 10_000


def test_a_model_that_nobody_knows_the_price_of_has_no_cost(tmp_path):
    unknown = {"model_name": "mine", "litellm_params": {"model": "openai/mine"}}
    assert measured(tmp_path, unknown, StreamOutcome("a", Usage(9, 1), True, False)) == (Usage(9, 1), None)
    priced = unknown | {"model_info": {"base_model": "openai/gpt-4o"}}
    assert measured(tmp_path, priced, StreamOutcome("a", Usage(1000, 0), True, False))[1] == 2_500_000


def test_a_reply_that_was_cut_is_counted_and_keeps_what_its_provider_said_of_the_prompt(tmp_path):
    used, cost = measured(tmp_path, GPT, StreamOutcome("one two three", Usage(500, 1), False, False))
    assert used == Usage(500, 3, estimated=True)
    assert cost == 500 * 2500 + 3 * 10_000
    used, _ = measured(tmp_path, GPT, StreamOutcome("one two three", None, False, False))
    assert (used.output, used.estimated) == (3, True)
    assert 3 < used.input < 20


def test_a_call_that_was_refused_used_nothing(tmp_path):
    assert measured(tmp_path, GPT, StreamOutcome("", None, False, True)) == (Usage(), 0)


def test_the_prices_that_a_caretaker_goes_by_are_those_of_litellm(tmp_path):
    asked = estimate(model_of(tmp_path, GPT), [{"role": "user", "content": "x" * 400}], [], own_key=False)
    used = Usage(1000, 100, cached=400)
    assert asked.prices.cost(used) == measured(tmp_path, GPT, StreamOutcome("a", used, True, False))[1]
    assert 100 <= asked.prompt < 120


@pytest.mark.parametrize(
    ("info", "words"),
    [
        ({"input_cost_per_token": "cheap", "output_cost_per_token": 1}, "must be US$ per token"),
        ({"input_cost_per_token": -1, "output_cost_per_token": 1}, "must be US$ per token"),
        ({"input_cost_per_token": 0.1}, "needs both"),
    ],
)
def test_a_price_that_is_none_is_told_at_the_start(tmp_path, info, words):
    with pytest.raises(ConfigError, match="'gpt'") as told:
        model_of(tmp_path, GPT | {"model_info": info})
    assert words in str(told.value)


def test_an_estimate_goes_by_bytes():
    call = ModelCall("1", "2026-11-24", "k", "a", "m", prompt=10, prices=Prices("0.1", "0.2"))
    charge = call.estimated(reply_bytes=9)
    assert (charge.usage, charge.cost) == (Usage(10, 3, estimated=True), 1_600_000_000)
    assert ModelCall.read({**vars(call), "prices": vars(call.prices)}) == call


def test_sums_are_shown_in_dollars_exactly():
    assert (Totals(cost=1) + Totals(cost=2)).shown()["cost_usd"] == 3e-9
    assert [dollars(n) for n in (123_456_789_012, 100_000_000, 0)] == [123.456789012, 0.1, 0.0]


def test_days_are_those_of_a_month_unless_somebody_says_which():
    assert (str(month(TODAY, "2028-02").first), str(month(TODAY, "2028-02").last)) == ("2028-02-01", "2028-02-29")
    assert month(TODAY).first <= TODAY <= month(TODAY).last
    assert between(TODAY, "", "") == month(TODAY)
    assert between(TODAY, "2026-10-30", "2026-11-01").names() == ["2026-10-30", "2026-10-31", "2026-11-01"]
    assert str(between(TODAY, "", "2026-10-30").first) == "2026-10-01"


@pytest.mark.parametrize("name", ["2026-13", "2026", "0000-01", "2026-11-24", "२०२६-११"])
def test_what_is_no_month_is_refused(name):
    with pytest.raises(InvalidDays):
        month(TODAY, name)
