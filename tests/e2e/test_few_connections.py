"""A Redis that accepts few connections, as small plans do: two web processes and two workers fit, and `aomi` beside
them."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor, wait

import pytest
import redis as redis_py

from tests.support import commands
from tests.support.backend import ROOT, Backend, redis_running
from tests.support.client import Client, kinds

pytestmark = pytest.mark.exhaustive

PEOPLE = 24


@pytest.fixture(params=[pytest.param((40, None), marks=pytest.mark.exhaustive), (20, "4")], ids=["40", "20"])
def site(request, tmp_path, config_file):
    """Two webs, two workers, and the values of app.json, with another number of connections for a smaller Redis."""
    maxclients, connections = request.param
    heroku = json.loads((ROOT / "app.json").read_text())["env"]
    names = ("AOMI_REDIS_CONNECTIONS", "AOMI_WORKER_THREADS")
    environment = {name: heroku[name]["value"] for name in names} | {"AOMI_CONFIG": str(config_file), "AOMI_GRACE": "1"}
    environment |= {"TEST_API_KEY": "sk-x"} | ({"AOMI_REDIS_CONNECTIONS": connections} if connections else {})
    with redis_running(tmp_path) as url, redis_py.Redis.from_url(url) as admin:
        admin.config_set("maxclients", maxclients)
        running = Backend(tmp_path, url, environment)
        yield running, admin, maxclients
        running.stop()


def test_two_webs_and_two_workers_fit(site):
    """During a peak and after it, `aomi keys list` connects, and nothing was refused."""
    running, admin, maxclients = site
    workers = [running.begin_worker() for _ in range(2)]
    webs = [running.web()[1] for _ in range(2)]
    for worker in workers:
        running.await_worker(worker)
    with ThreadPoolExecutor(PEOPLE) as people:
        answers = [people.submit(Client(webs[n % 2]).ask, "count to 30") for n in range(PEOPLE)]
        answers += [people.submit(Client(webs[n % 2]).ask, "What is the price of ETH?") for n in range(PEOPLE)]
        most = 0
        while wait(answers, timeout=0.05).not_done:
            most = max(most, len(admin.client_list()) - 1)  # without the one that asks
        assert all(kinds(answer.result())[-1] == "complete" for answer in answers)
    assert most <= maxclients - 2
    listed = commands.aomi("keys", "list", environment=running.environment)
    assert listed.returncode == 0, listed.stderr
    assert admin.info("stats")["rejected_connections"] == 0
    assert "max number of clients" not in "".join(process.log() for process in running.processes)
