"""What an app sets of its model calls, over the model's own parameters."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from app.model_params import ModelParams

OWN = {"model": "openai/gpt", "temperature": 1, "max_completion_tokens": 9}


def over(has_tools=True, after_results=False, **given):
    return ModelParams(**given).over(OWN, has_tools=has_tools, after_results=after_results)


def test_they_go_over_the_models_own():
    assert over(temperature=0.2, top_p=0.5) == OWN | {"temperature": 0.2, "top_p": 0.5}
    assert over() == OWN


def test_two_names_of_the_same_length_are_never_sent_together():
    assert over(max_tokens=5) == {"model": "openai/gpt", "temperature": 1, "max_tokens": 5}


def test_a_choice_of_tools_needs_tools():
    assert over(tool_choice="required", parallel_tool_calls=False, has_tools=False) == OWN


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "Get"}}])
def test_a_tool_that_must_be_called_is_called_once_a_turn(choice):
    assert over(tool_choice=choice)["tool_choice"] == choice
    assert over(tool_choice=choice, after_results=True)["tool_choice"] == "auto"


@pytest.mark.parametrize("choice", ["auto", "none"])
def test_other_choices_stay(choice):
    assert over(tool_choice=choice, after_results=True)["tool_choice"] == choice


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": 3},
        {"max_tokens": 0},
        {"tool_choice": "always"},
        {"api_key": "sk-x"},
        {"model": "other"},
        {"stream": False},
        {"temprature": 1},
    ],
)
def test_what_is_none_of_an_apps_business_is_refused(wrong):
    with pytest.raises(ValidationError):
        ModelParams(**wrong)
