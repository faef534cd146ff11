"""Reading a request: each input checked once, each refusal saying what would be right."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from flask import Flask

from app.catalog import App, Catalog, Model
from app.config import Settings
from app.errors import BadRequest, NotFound
from app.web import bodies, parsing

ID = "550e8400-e29b-41d4-a716-446655440000"
OTHER = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def asked():
    """Makes a request to a backend with the apps `default` and `shop`, one session and no other parts than these."""

    def asked(path="/", form="uuid", **request):
        model = Model(model_name="m", litellm_params={"model": "m"})
        apps = [App(id="default", model="m"), App(id="shop", model="m")]
        app = Flask("tests")
        app.extensions["aomi"] = SimpleNamespace(
            settings=Settings(_env_file=None, session_id_format=form),
            catalog=Catalog(apps, [model]),
            sessions=SimpleNamespace(get={ID: {"title": "ETH"}}.get),
        )
        return app.test_request_context(path, **request)

    return asked


# Session ids


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        (f"?session_id={ID}", {}),
        ("", {"X-Session-Id": ID}),
        ("", {"X-Session-Id": ID.upper()}),
        (f"?session_id={ID}", {"X-Session-Id": ID.upper()}),
    ],
)
def test_a_session_id_comes_by_header_or_query_and_is_lower_case(asked, query, headers):
    with asked(f"/{query}", headers=headers):
        assert parsing.session_id() == ID


def test_two_different_session_ids_are_refused(asked):
    with asked(f"/?session_id={ID}", headers={"X-Session-Id": OTHER}), pytest.raises(BadRequest, match="different"):
        parsing.session_id()


def test_a_missing_session_id_is_refused(asked):
    with asked(), pytest.raises(BadRequest, match="header X-Session-Id or query session_id"):
        parsing.session_id()


@pytest.mark.parametrize("value", ["", "abc", ID[:-1], ID + "0", ID.replace("-", ""), f"{ID}\n", "telegram:12345"])
def test_what_is_no_uuid_is_refused(asked, value):
    with asked(), pytest.raises(BadRequest, match="must be a UUID, such as"):
        parsing.checked_session_id(value)


@pytest.mark.parametrize("form", ["uuid", "token"])
def test_an_id_that_all_users_would_share_is_refused_and_the_refusal_says_what_to_do(asked, form):
    with asked(form=form), pytest.raises(BadRequest, match="create one with an id of its own"):
        parsing.checked_session_id("Default-Session")


@pytest.mark.parametrize("value", ["telegram:12345", "a.b_c-d:", "x" * 128, ID])
def test_a_backend_for_bots_takes_tokens_too(asked, value):
    with asked(form="token"):
        assert parsing.checked_session_id(value) == value


@pytest.mark.parametrize("value", ["short", "x" * 129, "with space", "brace{}s", "ümlaut-id"])
def test_a_backend_for_bots_refuses_what_is_no_token(asked, value):
    with asked(form="token"), pytest.raises(BadRequest, match="8 to 128 characters"):
        parsing.checked_session_id(value)


@pytest.mark.parametrize("value", ["default-session", "Default-Session", "default_session", "undefined", "anonymous"])
def test_an_id_that_everybody_would_share_is_refused(asked, value):
    with asked(form="token"), pytest.raises(BadRequest, match="is nobody's own session"):
        parsing.checked_session_id(value)


def test_a_known_session_comes_with_its_fields(asked):
    with asked(headers={"X-Session-Id": ID}):
        assert parsing.known_session() == (ID, {"title": "ETH"})


def test_an_unknown_session_is_not_found(asked):
    with asked(headers={"X-Session-Id": OTHER}), pytest.raises(NotFound, match="no such session; POST /api/sessions"):
        parsing.known_session()


# Apps


@pytest.mark.parametrize(("query", "app"), [("app=shop", "shop"), ("namespace=shop", "shop"), ("", None)])
def test_an_app_may_be_called_namespace(asked, query, app):
    with asked(f"/?{query}"):
        assert parsing.app_from_query() == app


# Bodies


@pytest.mark.parametrize(
    ("data", "refusal"),
    [(b"", "must be JSON"), (b"{", "must be JSON"), (b"[1]", "JSON object"), (b'"a"', "JSON object")],
)
def test_a_body_that_is_no_json_object_is_refused(asked, data, refusal):
    with asked(method="POST", data=data), pytest.raises(BadRequest, match=refusal):
        bodies.json_body()


@pytest.mark.parametrize(("data", "found"), [(b"", {}), (b" \n", {}), (b'{"a": 1}', {"a": 1})])
def test_an_optional_body_may_be_empty(asked, data, found):
    with asked(method="POST", data=data):
        assert bodies.optional_json_body() == found


@pytest.mark.parametrize(
    "fields", [{}, {"text": None}, {"text": 7}, {"text": ""}, {"text": " \n"}, {"text": "\x1f\x85\u2028\ufeff"}]
)
def test_a_text_that_is_missing_or_blank_is_refused(fields):
    with pytest.raises(BadRequest, match="'text' must be a string that is not blank"):
        parsing.text_of(fields, "text", 10)


def test_a_text_over_its_limit_is_refused_with_both_numbers():
    assert parsing.text_of({"text": "x" * 1000}, "text", 1000) == "x" * 1000
    with pytest.raises(BadRequest, match="at most 1,000 characters, it has 1,001"):
        parsing.text_of({"text": "x" * 1001}, "text", 1000)


@pytest.mark.parametrize("fields", [{}, {"title": None}])
def test_an_optional_text_may_be_left_out(fields):
    assert parsing.optional_text_of(fields, "title", 10) == ""


def test_an_optional_text_that_is_given_is_checked():
    with pytest.raises(BadRequest):
        parsing.optional_text_of({"title": " "}, "title", 10)


@pytest.mark.parametrize("value", [None, [], "0x742d"])
def test_a_user_state_is_an_object(value):
    with pytest.raises(BadRequest, match="must be a JSON object, such as"):
        parsing.user_state_of(value)


def test_a_user_state_has_sixteen_kib_at_most():
    room = 16 * 1024 - len('{"a":""}')
    assert parsing.user_state_of({"a": "x" * room})
    with pytest.raises(BadRequest, match="at most 16 KiB"):
        parsing.user_state_of({"a": "x" * (room + 1)})


# Event numbers


@pytest.mark.parametrize(("value", "number"), [("17", 17), ("run_4f2a:17", 17), ("0", 0)])
def test_an_event_number_stands_at_the_end_of_an_id(value, number):
    assert parsing.event_number_of(value, "Last-Event-ID") == number


@pytest.mark.parametrize("value", ["", "x", "-1", "1.5", "run_1:", "\u0661\u0667", "9" * 16])
def test_what_is_no_event_number_is_refused(value):
    with pytest.raises(BadRequest, match="Last-Event-ID must be the id of an event"):
        parsing.event_number_of(value, "Last-Event-ID")
