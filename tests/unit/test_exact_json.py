"""JSON is exact whatever the size of a number, and refuses what cannot be passed on."""

from __future__ import annotations

import pytest

from app import exact_json
from app.events import sse

WEI = 100 * 10**18 + 1


def nested(levels: int):
    value = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("value", [WEI, -WEI, {"wei": [WEI]}, {"text": "1" * 40}, 2**63, 1.5, None, "ü🦊", {"a": {}}])
def test_what_is_written_is_read_back_as_it_was(value):
    assert exact_json.loads(exact_json.dumps(value)) == value
    assert sse.parse(sse.frame({"type": "x", "value": value}))["value"] == value


def test_text_is_read_as_bytes_are():
    assert exact_json.loads(f'{{"wei":{WEI}}}') == {"wei": WEI}


def test_what_others_nest_in_theirs_has_room_for_it():
    exact_json.dump_bytes({"a": {"b": exact_json.loads(exact_json.checked(nested(200)))}})
    for levels in (250, 300, 2000):
        with pytest.raises(exact_json.TooDeep):
            exact_json.checked(nested(levels))


@pytest.mark.parametrize("wrong", ["{", "NaN", '"\\ud800"', ""])
def test_what_is_no_json_is_a_value_error(wrong):
    with pytest.raises(ValueError, match=r".+"):
        exact_json.loads(wrong)


@pytest.mark.parametrize("number", [1, 10**30])
def test_how_deep_a_value_may_be_does_not_hang_on_its_numbers(number):
    value: object = number
    for _ in range(246):
        value = [value]
    assert exact_json.checked(value)
    for deep in ([value], [10**30, [value]]):
        with pytest.raises(exact_json.TooDeep):
            exact_json.checked(deep)


@pytest.mark.parametrize(
    "data", [b"NaN", b"[NaN,12345678901234567890]", b'["\\ud800",12345678901234567890]', b"[" * 2000]
)
def test_json_from_outside_is_strict_also_beside_long_numbers(data):
    with pytest.raises(ValueError, match=r"."):
        exact_json.strict(data)


def test_json_from_outside_is_exact():
    assert exact_json.strict(b"[123456789012345678901234567890, 1.5]") == [123456789012345678901234567890, 1.5]


def test_json_from_outside_that_python_cannot_nest_is_refused():
    with pytest.raises(ValueError, match="nested too deeply"):
        exact_json.strict(b"[" * 1000 + b"12345678901234567890" + b"]" * 1000)
