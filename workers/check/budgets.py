"""API keys whose budget cannot hold, because a model of their apps has no price."""

from __future__ import annotations

from collections.abc import Iterator

from app.catalog import Catalog
from app.config import Settings
from app.state.accounts.api_keys import ApiKeys
from app.state.connection import clients
from app.state.connection.clients import Unavailable
from app.state.scripts import Store
from workers.models import pricing

TIMEOUT_SECONDS = 2.0


def warnings(settings: Settings, catalog: Catalog) -> Iterator[str]:
    """A line for each key and model. None if Redis, which knows the keys, does not answer."""
    store = Store(clients.commands(settings, timeout=TIMEOUT_SECONDS), settings)
    try:
        keys = [key for key in ApiKeys(store).all() if key.budget is not None]
    except Unavailable:
        return
    for key in keys:
        apps = [app for app in catalog.apps if key.allows(app.id)]
        names = {name for app in apps for name in (app.model, *app.models, *app.fallbacks)}
        for model in catalog.models:
            if model.model_name in names and pricing.prices(model) is None:
                told = (
                    f"model {model.model_name!r} has no price, so the budget of the API key {key.id} does not count it"
                )
                place = catalog.place("model", model.model_name)
                yield f"{place}: {told}; set input_cost_per_token and output_cost_per_token"
