"""The page says while no worker is ready."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.support.backend import Backend, redis_running
from tests.support.browser import Playground
from tests.support.patience import setting

pytestmark = pytest.mark.exhaustive


@pytest.fixture
def backend_without_worker(tmp_path, config_file):
    with redis_running(tmp_path) as url:
        environment = {"AOMI_CONFIG": str(config_file), "TEST_API_KEY": "sk-x", "AOMI_LEASE": setting(2)}
        backend = Backend(tmp_path, url, environment)
        yield backend
        backend.stop()


def test_the_page_says_that_messages_wait_until_a_worker_is_ready(profile, backend_without_worker):
    _, url = backend_without_worker.web()
    here = Playground.of(profile.new_page(), url).open()
    notice = here.page.locator("#not-ready")
    expect(notice).to_contain_text("Not ready, messages wait: No worker has sent a heartbeat lately")
    here.say("remember 1")
    backend_without_worker.worker()
    expect(notice).to_be_hidden()
    expect(here.turns).to_have_count(1)
    assert here.complaints == []
