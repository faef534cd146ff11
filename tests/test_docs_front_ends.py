"""docs/front-ends.md has the parameters of OpenAI's API as the code takes them; tests/clients/README.md has a test of
each published client for each fault."""

from __future__ import annotations

import inspect
import json
import re

import pytest
from openai.resources.chat.completions import Completions
from openai.resources.responses import Responses

from app.dialects.openai.requests.params import EQUAL_TO_NONE, OF_TOOLS, TOOLS, check_params
from app.errors import BadRequest
from tests.test_docs import ROOT, rows

FAULTS = {"kill", "second", "reload", "stop", "error", "200 calls"}


def test_each_published_client_meets_each_fault_in_a_test_that_there_is():
    met: dict[str, set[str]] = {}
    client, file = "", ""
    for named, faults, cell in rows((ROOT / "tests/clients/README.md").read_text()):
        client = named or client
        file = (re.findall(r"`(tests/\S+\.py)`", cell) or [file])[0]
        (test,) = re.findall(r"`(test_\w+)`", cell)
        assert f"def {test}(" in (ROOT / file).read_text(), cell
        met.setdefault(client, set()).update(faults.split(", "))
    assert len(met) == 8
    assert all(faults == FAULTS for faults in met.values()), met


OPENAI = (ROOT / "docs/front-ends.md").read_text().partition("\n## OpenAI\n")[2].partition("\n## ")[0]
REFUSED = OPENAI.partition("\n### Parameters that are refused\n")[2].partition("\n### ")[0]


def refused() -> dict[str, list[object]]:
    """The values that are taken of each parameter of the table."""
    return {
        name: [json.loads(value) for value in re.findall(r"`([^`]+)`", values) if value != "tools"]
        for names, values in rows(REFUSED)
        for name in re.findall(r"`(\w+)`", names)
    }


def test_the_refused_parameters_of_openais_api_and_the_values_that_are_taken_are_those_of_the_code():
    told = {name: list(values) for name, values in (EQUAL_TO_NONE | TOOLS | OF_TOOLS).items()}
    assert refused() == told


@pytest.mark.parametrize("name", refused())
def test_a_refused_parameter_is_taken_with_the_values_of_the_table_alone(name):
    for value in (None, *refused()[name]):
        check_params({name: value}, takes_tools=False)
    for value in (7, "high", [{"type": "web_search"}], {"effort": "low"}):
        with pytest.raises(BadRequest, match=f"^'{name}' "):
            check_params({name: value}, takes_tools=False)


def test_every_parameter_of_openais_package_is_taken_refused_or_ignored_on_the_page():
    of_http = {"self", "extra_headers", "extra_query", "extra_body", "timeout"}
    params = {name for api in (Responses, Completions) for name in inspect.signature(api.create).parameters}
    assert params - of_http - set(re.findall(r"`(\w+)", OPENAI)) == set()
