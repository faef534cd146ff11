"""The dialect of Aomi's published clients, up to 0.1.31 ("gen-1"): a translation over the same domain calls.

`shared` has the paths that both dialects use: their views ask one question each and hand over. `routes` has the paths
of this dialect alone, `messages` and `requests` the translation out and in. docs/gen1.md is the long form.
"""

from __future__ import annotations

from app.dialects.gen1.shared import interrupt, poll, polls, send, sends, set_model, sets_model

__all__ = ["interrupt", "poll", "polls", "send", "sends", "set_model", "sets_model"]
