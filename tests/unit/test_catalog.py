"""aomi.yaml: what it means, which models can be used, and that each mistake says where it is and what is right."""

from __future__ import annotations

from pathlib import Path

import pytest

from app import catalog
from app.catalog import Compaction
from app.errors import ConfigError

TWO_MODELS = """
model_list:
  - {model_name: claude, litellm_params: {model: anthropic/claude-x, api_key: os.environ/CLAUDE_KEY}}
  - {model_name: gpt, litellm_params: {model: openai/gpt-x, api_key: os.environ/GPT_KEY}}
"""
SHOP = TWO_MODELS + "apps: [{id: shop, model: claude, models: [claude, gpt], title_model: claude}]"


@pytest.fixture
def load(tmp_path):
    """Loads the text of an aomi.yaml with the given environment."""

    def load(text, **environment):
        path = tmp_path / "aomi.yaml"
        path.write_text(text)
        return catalog.load(path, environment)

    return load


def model(**info):
    return catalog.Model(model_name="m", litellm_params={"model": "openai/gpt-x"}, model_info=info)


def names(models):
    return [model.model_name for model in models]


# What it means


def test_a_value_out_of_the_environment_is_filled_in(load):
    found = load(SHOP, CLAUDE_KEY="sk-1").model("claude")
    assert found.params({"CLAUDE_KEY": "sk-1"}) == {"model": "anthropic/claude-x", "api_key": "sk-1"}


@pytest.mark.parametrize(
    ("info", "name"),
    [({"display_name": "Claude X", "name": "x"}, "Claude X"), ({"name": "Claude"}, "Claude"), ({}, "m")],
)
def test_a_display_name_comes_from_model_info_else_it_is_the_id(info, name):
    assert model(**info).display_name == name


@pytest.mark.parametrize(
    ("params", "info", "provider"),
    [
        ({"model": "openai/x"}, {"provider": "ours", "litellm_provider": "theirs"}, "ours"),
        ({"model": "openai/x"}, {"litellm_provider": "azure"}, "azure"),
        ({"model": "x", "custom_llm_provider": "groq"}, {}, "groq"),
        ({"model": "anthropic/x"}, {}, "anthropic"),
        ({"model": "openrouter/meta/x"}, {}, "openrouter"),
        ({"model": "gpt-x"}, {}, "openai"),
    ],
)
def test_a_provider_is_the_named_one_else_the_models_prefix(params, info, provider):
    assert catalog.Model(model_name="m", litellm_params=params, model_info=info).provider == provider


def test_litellms_other_sections_may_stay(load):
    assert load("litellm_settings: {drop_params: true}" + SHOP, CLAUDE_KEY="k").app("shop")


def test_an_app_without_a_name_is_called_by_its_id(load):
    assert load(SHOP, CLAUDE_KEY="k").app("shop").name == "shop"


def test_the_default_app_is_always_there(load):
    default = load(SHOP, GPT_KEY="k").app("default")
    assert (default.name, default.model) == ("Default", "gpt")


def test_a_configured_default_app_stays_as_it_is(load):
    found = load(TWO_MODELS + "apps: [{id: default, name: Ours, model: gpt}]", GPT_KEY="k", CLAUDE_KEY="k")
    assert [(app.id, app.name, app.model) for app in found.apps] == [("default", "Ours", "gpt")]


def test_the_models_of_an_app_begin_with_its_own(load):
    found = load(TWO_MODELS + "apps: [{id: shop, model: gpt, models: [claude, gpt]}]", GPT_KEY="k", CLAUDE_KEY="k")
    assert names(found.models_of(found.app("shop"))) == ["gpt", "claude"]


def test_an_app_offers_no_model_but_its_own(load):
    found = load(TWO_MODELS + "apps: [{id: shop, model: gpt}]", GPT_KEY="k", CLAUDE_KEY="k")
    assert found.offers(found.app("shop"), "gpt")
    assert not found.offers(found.app("shop"), "claude")


@pytest.mark.parametrize(
    ("app_id", "model_id", "chosen"),
    [
        ("shop", "gpt", ("shop", "gpt")),
        ("shop", "", ("shop", "claude")),
        ("shop", "gone", ("shop", "claude")),
        ("gone", "", ("default", "claude")),
    ],
)
def test_a_choice_that_is_not_there_gives_way_to_the_default(load, app_id, model_id, chosen):
    app, chosen_model = load(SHOP, CLAUDE_KEY="k", GPT_KEY="k").choice(app_id, model_id)
    assert (app.id, chosen_model) == chosen


# Which models can be used


def test_a_model_without_its_key_is_left_out(load):
    found = load(SHOP, CLAUDE_KEY="k", GPT_KEY="")
    assert found.model("gpt") is None
    assert names(found.models_of(found.app("shop"))) == ["claude"]


def test_an_app_falls_to_another_of_its_models(load):
    assert load(SHOP, GPT_KEY="k").app("shop").model == "gpt"


def test_a_title_model_without_its_key_is_dropped(load):
    assert load(SHOP, GPT_KEY="k").app("shop").title_model is None


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("true", Compaction()),
        ("false", None),
        ("{}", Compaction()),
        ("{at: 1, keep_turns: 2, model: claude}", Compaction(at=1, keep_turns=2)),
        ("{model: gpt}", Compaction(model="gpt")),
    ],
)
def test_long_conversations_are_summed_up_if_the_app_says_so_by_a_model_that_has_a_key(load, value, found):
    text = TWO_MODELS + f"apps: [{{id: shop, model: gpt, compact: {value}}}]"
    assert load(text, GPT_KEY="k").app("shop").compact == found


def test_without_any_key_the_demo_answers_in_every_app(load):
    found = load(SHOP)
    assert [(app.id, app.model) for app in found.apps] == [("shop", catalog.DEMO), ("default", catalog.DEMO)]
    assert found.model(catalog.DEMO).provider == "demo"


def test_the_demo_is_announced(load):
    (notice,) = load(SHOP).notices
    assert "No provider key is set" in notice


def test_an_app_that_falls_to_another_model_is_announced(load):
    (notice,) = load(SHOP, GPT_KEY="k").notices
    assert notice == "app 'shop' uses model 'gpt' because the API key of 'claude' is not set"


def test_nothing_is_announced_where_every_key_is_set(load):
    assert load(SHOP, GPT_KEY="k", CLAUDE_KEY="k").notices == ()


def test_a_configured_demo_model_takes_the_place_of_the_missing_ones(load):
    demo = "  - {model_name: parrot, litellm_params: {model: demo/assistant}}\n"
    found = load(TWO_MODELS + demo + "apps: [{id: shop, model: claude}]")
    assert found.app("shop").model == "parrot"


def test_the_demo_takes_no_apps_place_once_a_key_is_set(load):
    with pytest.raises(ConfigError, match="API key of model 'claude' is not set"):
        load(TWO_MODELS + "apps: [{id: shop, model: claude}]", GPT_KEY="k")


# Mistakes

MISTAKES = {
    "not YAML": ("apps: [", ["cannot be read as YAML"]),
    "not a mapping": ("- 1", ["must have `model_list:` and `apps:`"]),
    "empty": ("", ["must have `model_list:` and `apps:`"]),
    "no model_name": ("model_list: [{litellm_params: {model: x}}]", ["model_list[0].model_name: Field required"]),
    "no litellm model": (
        "model_list: [{model_name: gpt, litellm_params: {api_key: x}}]",
        ["model_list[0] (model_name 'gpt').litellm_params: ", "needs `model`, such as `anthropic/claude-sonnet-4-5`"],
    ),
    "no app id": (TWO_MODELS + "apps: [{model: gpt}]", ["apps[0].id: Field required"]),
    "an app id with a space": (TWO_MODELS + "apps: [{id: my shop, model: gpt}]", ["apps[0] (id 'my shop').id: "]),
    "no model": (TWO_MODELS + "apps: [{id: a, model: gpt}, {id: shop}]", ["apps[1] (id 'shop').model: Field required"]),
    "an unknown field": (TWO_MODELS + "apps: [{id: shop, model: gpt, tolls: []}]", ["apps[0] (id 'shop').tolls: "]),
    "a tool that is no name": (
        TWO_MODELS + "apps: [{id: shop, model: gpt, tools: [GetTokenPrice, 7]}]",
        ["apps[0] (id 'shop').tools[1]: ", "valid string"],
    ),
    "two mistakes": (TWO_MODELS + "apps: [{id: a}, {id: b}]", ["apps[0] (id 'a').model", "apps[1] (id 'b').model"]),
    "an unknown model": (
        TWO_MODELS + "apps: [{id: shop, model: gtp}]",
        ["apps[0] (id 'shop')", "no model 'gtp'", "model_list has 'claude', 'gpt'"],
    ),
    "an unknown offered model": (TWO_MODELS + "apps: [{id: shop, model: gpt, models: [gtp]}]", ["no model 'gtp'"]),
    "an unknown title model": (TWO_MODELS + "apps: [{id: shop, model: gpt, title_model: gtp}]", ["no model 'gtp'"]),
    "no models at all": ("apps: [{id: shop, model: gpt}]", ["no model 'gpt'", "model_list has none"]),
    "a model twice": (
        "model_list: [&m {model_name: gpt, litellm_params: {model: x}}, *m]",
        ["model_name 'gpt' is defined 2 times", "must be unique"],
    ),
    "an app twice": (
        TWO_MODELS + "apps: [&a {id: shop, model: gpt}, *a]",
        ["apps: id 'shop' is defined 2 times", "must be unique"],
    ),
    "no model with a key": (
        TWO_MODELS + "apps: [{id: shop, model: claude}]",
        ["apps[0] (id 'shop')", "API key of model 'claude' is not set", "choose a usable model: 'gpt'"],
    ),
}


@pytest.mark.parametrize(("text", "words"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_names_the_file_the_entry_and_what_would_be_right(load, text, words):
    with pytest.raises(ConfigError) as raised:
        load(text, GPT_KEY="k")
    for part in ["aomi.yaml:", *words]:
        assert part in str(raised.value)


def test_a_file_can_be_checked_without_any_key(tmp_path):
    path = tmp_path / "aomi.yaml"
    path.write_text(SHOP)
    catalog.check(path)
    path.write_text(SHOP.replace("model: claude", "model: claud"))
    with pytest.raises(ConfigError, match="no model 'claud'"):
        catalog.check(path)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("", r"^\.: is a folder; AOMI_CONFIG must name the file"),
        ("/", "^/: is a folder; AOMI_CONFIG must name the file"),
        ("apps.yaml", r"^apps\.yaml: there is no such file in /.+; AOMI_CONFIG must name the file of apps and models$"),
        ("~/aomi.yaml", "AOMI_CONFIG must name .*; only a shell replaces `~`: write the whole path$"),
        ("picture.png", r"^picture\.png: cannot be read as YAML: byte 0 is not UTF-8$"),
        ("notes.txt", r"^notes\.txt:1: must have `model_list:` and `apps:`$"),
    ],
)
def test_a_path_that_names_no_file_of_apps_has_a_message_of_its_own(path, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    (tmp_path / "notes.txt").write_text("buy mugs\n")
    with pytest.raises(ConfigError, match=said):
        catalog.load(Path(path), {})


def test_a_missing_file_names_the_variable_that_points_to_it(tmp_path):
    with pytest.raises(ConfigError, match=r"gone\.yaml: there is no such file; AOMI_CONFIG"):
        catalog.load(tmp_path / "gone.yaml", {})
