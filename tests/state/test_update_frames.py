"""The update stream of a session, as frames."""

from __future__ import annotations

from itertools import islice

from app.api.updates import UpdateFrames
from app.catalog import App, Catalog, Model
from app.events import sse
from app.live.hub import Hub
from app.state.connection.pubsub import PubSubListener
from tests.unit.pubsub import FakeRedis

CATALOG = Catalog([App(id="default", model="m")], [Model(model_name="m", litellm_params={"model": "openai/m"})])


def test_what_changes_once_a_response_has_begun_is_told(sessions, runs, session_id, said):
    frames = UpdateFrames(Hub(PubSubListener(FakeRedis())), sessions, lambda: CATALOG, 60).follow(session_id, None)
    runs.start(session_id, said("hello"))
    retry, state, told = islice(frames, 3)
    assert retry == sse.RETRY
    assert b'"title":""' in state
    assert told.endswith(sse.frame(sse.title_changed(session_id, "hello")))
