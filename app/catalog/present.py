"""The catalog that a process has now, for its parts that outlive a reload of aomi.yaml."""

from __future__ import annotations

from app.catalog.catalog import Catalog
from app.catalog.webhooks import Webhook


class PresentCatalog:
    """Its `catalog` is replaced when the process takes another one. The end of a turn is told by the webhook that its
    app has then, not by the one that it had when the turn began."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog

    def webhook_of(self, app_id: str) -> Webhook | None:
        """The webhook of an app, None if it has none."""
        app = self.catalog.app(app_id)
        return app.webhook if app else None
