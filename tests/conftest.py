"""Fixtures: one real Redis, provider, price API, two webs and a worker for the whole run; each test its own session."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py
import yaml
from cryptography.fernet import Fernet

from app.config import Settings
from app.state.accounts.api_keys import ApiKeys
from app.state.scripts import Store
from tests.support import processes
from tests.support.backend import Backend, configuration, redis_running
from tests.support.busy import keep_busy
from tests.support.client import Client
from tests.support.patience import setting, until
from tests.support.servers import PriceApi, Provider, serving

LAST_EXIT = "aomi/exit"
"""Where pytest's cache has the exit status of the last run."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--busy", type=int, default=0, metavar="N", help="keep N loops busy beside the tests")
    parser.addoption("--long", action="store_true", help="without a path: run the tests marked `long` as well")
    parser.addoption("--again", action="store_true", help="refuse if the last run was broken off")
    parser.addoption("--all", action="store_true", help="without a path: run those marked `exhaustive` as well: all")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # with several processes of tests, one of them keeps the machine busy
        keep_busy(config.getoption("busy"))
        if config.getoption("again"):
            check_again(config)
        config.option.all |= config.args_source is not pytest.Config.ArgsSource.TESTPATHS
    else:
        config.option.all = config.workerinput["all"]


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """A process of xdist gets the command line alone, so what was made of it is sent along."""
    node.workerinput["all"] = node.config.option.all


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    wanted = {"long": config.getoption("long"), "exhaustive": False}
    left_out = [name for name, is_wanted in wanted.items() if not (is_wanted or config.getoption("all"))]
    dropped = [item for item in items if any(map(item.get_closest_marker, left_out))]
    config.hook.pytest_deselected(items=dropped)
    items[:] = [item for item in items if item not in dropped]


def check_again(config: pytest.Config) -> None:
    """What has failed may run again. Of a run that was broken off nobody knows what else would have."""
    if config.cache.get(LAST_EXIT, None) != pytest.ExitCode.TESTS_FAILED:
        raise pytest.UsageError("the last run did not come to its end with tests that failed")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if not hasattr(session.config, "workerinput"):
        session.config.cache.set(LAST_EXIT, int(exitstatus))
    if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        processes.keep_folders()


def pytest_unconfigure() -> None:
    processes.end_all()


@pytest.fixture(scope="session", autouse=True)
def folders_go_when_interrupted(tmp_path_factory: pytest.TempPathFactory) -> None:
    processes.remove_if_interrupted(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_running(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture(scope="session")
def redis(redis_url: str) -> Iterator[redis_py.Redis]:
    with redis_py.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture(scope="session")
def provider() -> Provider:
    return Provider()


@pytest.fixture(scope="session")
def price_api() -> PriceApi:
    return PriceApi()


@pytest.fixture(scope="session")
def config_file(tmp_path_factory: pytest.TempPathFactory, provider: Provider) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("config") / "aomi.yaml"
    with serving(provider.handle) as url:
        path.write_text(yaml.safe_dump(configuration(url)))
        yield path


@pytest.fixture(scope="session")
def backend(
    tmp_path_factory: pytest.TempPathFactory, redis_url: str, config_file: Path, price_api: PriceApi
) -> Iterator[Backend]:
    """The processes are started by the fixtures and tests that need them, and all ended here."""
    with serving(price_api.handle) as price_url:
        environment = {
            "AOMI_CONFIG": str(config_file),
            "AOMI_PRICE_API_URL": price_url,
            "AOMI_TOOL_TIMEOUT": setting(5),
            "AOMI_KEEP_ALIVE": "0.5",
            "AOMI_GRACE": setting(5),
            "AOMI_LEASE": setting(2),
            "AOMI_RETRY_PAUSE": "0.05",
            "AOMI_STALL_TIMEOUT": setting(4.5),
            "AOMI_METRICS_INTERVAL": "0.3",
            "AOMI_WRONG_KEYS_PER_MINUTE": "0",
            "TEST_API_KEY": "sk-test-provider-key",
            "AOMI_ENCRYPTION_KEY": Fernet.generate_key().decode(),
        }
        running = Backend(tmp_path_factory.mktemp("backend"), redis_url, environment)
        yield running
        running.stop()


@pytest.fixture(scope="session")
def worker(backend: Backend, redis: redis_py.Redis) -> str:
    process = backend.worker()
    until(lambda: redis.exists("model-abilities"), what="the worker's report of what its models can")
    return str(process.output)


@pytest.fixture(scope="session")
def webs(backend: Backend, worker: str) -> tuple[str, str]:
    """The addresses of two web processes with a worker behind them."""
    return backend.web()[1], backend.web()[1]


@pytest.fixture(scope="session")
def key(redis: redis_py.Redis) -> str:
    """An API key for every app."""
    return ApiKeys(Store(redis, Settings())).issue(("*",), "tests")


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Callable[[float], None]:
    """Notes what a test has measured, in seconds, in the file that AOMI_FIGURES names: docs/reliability.md has them."""

    def note(seconds: float) -> None:
        if path := os.environ.get("AOMI_FIGURES"):
            with Path(path).open("a") as file:
                file.write(f"{request.node.name} {seconds:.3f}\n")

    return note


@pytest.fixture
def client(webs: tuple[str, str], key: str) -> Client:
    """A session of its own."""
    return Client(webs[0], key)
