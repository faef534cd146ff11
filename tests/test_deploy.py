"""What the files of a deploy promise: read with parsers, as no engine and no Heroku runs here."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import sys
import tomllib
from pathlib import Path

import httpx
import pytest
import yaml
from gunicorn.arbiter import Arbiter
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from app import serving
from app.commands import cli
from app.config import Settings
from tests.support import processes
from tests.support.backend import ROOT, Process, free_port, until
from tests.support.client import PLAIN

HEROKU_KILLS_AFTER = 30.0
"""Seconds from SIGTERM to SIGKILL: https://devcenter.heroku.com/articles/dyno-shutdown-behavior"""


def read(name):
    return (ROOT / name).read_text()


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load(read("docker-compose.yml"))


@pytest.fixture(scope="module")
def services(compose):
    return compose["services"]


@pytest.fixture(scope="module")
def procfile():
    """Each process type's command, as a list of arguments."""
    lines = (line.split(":", 1) for line in read("Procfile").splitlines())
    return {name: shlex.split(command) for name, command in lines}


@pytest.fixture(scope="module")
def heroku():
    return json.loads(read("app.json"))


@pytest.fixture(scope="module")
def final_stage():
    """The Dockerfile's last stage: each instruction with the last value given to it."""
    lines = read("Dockerfile").replace("\\\n", " ").splitlines()
    instructions = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    start = max(at for at, (name, _) in enumerate(instructions) if name == "FROM")
    return dict(instructions[start:])


@pytest.fixture(scope="module")
def last_words():
    """Seconds that a worker gives stopped turns, and then stopped background jobs, for their end."""
    sources = "\n".join(path.read_text() for path in ROOT.glob("workers/*.py"))
    return float(re.search(r"^END_TURNS_SECONDS = ([\d.]+)$", sources, re.MULTILINE)[1])


def seconds(duration):
    return float(re.fullmatch(r"(\d+)s", duration)[1])


@pytest.mark.parametrize("name", ["web", "worker"])
def test_a_container_runs_what_the_procfile_says(services, procfile, name):
    """Compose starts web and worker with the very arguments of the Procfile."""
    assert services[name]["command"] == procfile[name]


def test_the_image_runs_the_web_process(final_stage, procfile):
    """`docker run` of the image alone is the Procfile's web process, without a shell between."""
    assert json.loads(final_stage["CMD"]) == procfile["web"]


@pytest.mark.parametrize("name", ["web", "worker"])
def test_web_and_worker_share_one_image(services, name):
    """Both are built from the one Dockerfile."""
    assert services[name]["build"] == "."


def test_the_image_does_not_run_as_root(final_stage):
    """The user is a number other than 0, so that an orchestrator can check it."""
    assert re.fullmatch(r"[1-9]\d*(:[1-9]\d*)?", final_stage["USER"])


def test_no_container_runs_as_root(services):
    """A service that is not built here names a user of its own; one that is keeps the image's."""
    for service in services.values():
        user = str(service.get("user", "the image's" if "build" in service else "root"))
        assert user.split(":")[0] not in ("root", "0")
        assert not service.get("privileged")


def test_redis_keeps_its_data(compose):
    """Redis writes each change to a file on a named volume and never evicts a key."""
    redis = compose["services"]["redis"]
    options = dict(zip(redis["command"][1::2], redis["command"][2::2], strict=True))
    assert options["--appendonly"] == "yes"
    assert options["--maxmemory-policy"] == "noeviction"
    volume, target = redis["volumes"][0].split(":")
    assert volume in compose["volumes"]
    assert target == "/data"


@pytest.mark.parametrize("name", ["web", "worker"])
def test_processes_wait_for_a_healthy_redis(services, name):
    """Web and worker start once Redis has answered its health check."""
    assert services["redis"]["healthcheck"]["test"][:2] == ["CMD", "redis-cli"]
    assert services[name]["depends_on"]["redis"] == {"condition": "service_healthy"}
    assert services[name]["environment"]["REDIS_URL"] == "redis://redis:6379/0"


@pytest.mark.parametrize("name", ["web", "worker"])
def test_a_service_can_be_scaled(services, name):
    """`--scale` works: no two containers of the service want the same port or the same name."""
    assert not {"ports", "container_name"} & set(services[name])


def test_one_address_leads_to_every_web(services):
    """The router alone has a port on the host, $PORT, and passes on to where the webs listen."""
    assert [name for name, service in services.items() if "ports" in service] == ["router"]
    assert services["router"]["ports"] == ["${PORT:-8000}:8000"]
    listens = f":{services['web']['environment']['PORT']}"
    assert services["router"]["command"].endswith(f"--to web{listens}")
    assert f"127.0.0.1{listens}/healthz" in services["web"]["healthcheck"]["test"][-1]


@pytest.mark.parametrize("name", ["web", "worker"])
def test_the_env_file_may_be_missing(services, name):
    """`docker compose up` works in a fresh clone, which has no `.env`."""
    assert services[name]["env_file"] == [{"path": ".env", "required": False}]


@pytest.mark.parametrize("name", ["web", "worker"])
def test_apps_and_models_come_from_the_host(services, name):
    """The host's aomi.yaml lies over the image's, read-only, where the process looks for it."""
    (mount,) = services[name]["volumes"]
    assert mount["source"] == "${AOMI_CONFIG:-./aomi.yaml}"
    assert mount["target"] == f"/app/{services[name]['environment']['AOMI_CONFIG']}"
    assert mount["read_only"] is True


@pytest.mark.parametrize("name", ["web", "worker", "redis", "router"])
def test_what_fails_is_started_again(services, name):
    """Every container comes back after a crash, and not after `docker compose stop`."""
    assert services[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", ["web", "worker"])
def test_a_process_may_open_many_files(services, name):
    """Each open stream is an open file, in a container and under systemd."""
    assert services[name]["ulimits"]["nofile"] == int(unit(SERVICES[name])["Service"]["LimitNOFILE"]) == 65536


def test_compose_lets_a_worker_finish(services, last_words):
    """A worker is killed only after its grace time, the last words of turns, and those of background jobs."""
    grace = Settings.model_fields["grace"].default
    assert seconds(services["worker"]["stop_grace_period"]) > grace + 2 * last_words


def test_heroku_lets_a_worker_finish(heroku, last_words):
    """The grace time set for Heroku leaves a worker room to end before Heroku kills it."""
    assert float(heroku["env"]["AOMI_GRACE"]["value"]) + 2 * last_words <= HEROKU_KILLS_AFTER


def test_heroku_runs_both_process_types(heroku, procfile):
    """app.json starts at least one dyno of each process of the Procfile, and a Redis beside them."""
    assert set(heroku["formation"]) == set(procfile) == {"web", "worker"}
    assert all(dynos["quantity"] >= 1 for dynos in heroku["formation"].values())
    assert [addon["plan"].split(":")[0] for addon in heroku["addons"]] == ["heroku-redis"]


def test_heroku_asks_for_nothing(heroku):
    """Each variable is explained, and has a value or is optional: the demo model needs no key."""
    for variable in heroku["env"].values():
        assert variable["description"]
        assert "value" in variable or variable["required"] is False


def test_heroku_installs_the_lock_and_the_command():
    """requirements.txt, which the buildpack reads, is the runtime lock and this project."""
    lines = (line.split("#")[0].strip() for line in read("requirements.txt").splitlines())
    assert [line for line in lines if line] == ["-r requirements.lock", "-e ."]


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_every_version_is_pinned(name):
    """Each line of a lock file is one exact version, perhaps for some platforms only."""
    lines = [line for line in read(name).splitlines() if line and not line.lstrip().startswith("#")]
    assert lines
    assert not [line for line in lines if not re.fullmatch(r"[\w.-]+(\[[\w,-]+\])?==[\w.!+]+( ; .+)?", line)]


def test_both_locks_pin_the_same_versions():
    """What is tested is what is deployed: the development lock only adds to the runtime's."""
    runtime, dev = (
        {line for line in read(name).splitlines() if "==" in line and not line.startswith(" ")}
        for name in ("requirements.lock", "requirements-dev.lock")
    )
    assert not {pin.split(" ;")[0] for pin in runtime} - {pin.split(" ;")[0] for pin in dev}


def test_no_file_names_a_package_registry():
    """Whoever installs chooses the registry; no file of the repository, new ones included, holds an address."""
    hosts = [("pypi", "org"), ("pythonhosted", "org"), ("registry", "npmjs", "org"), ("deb", "debian", "org")]
    addresses = [".".join(parts).encode() for parts in hosts]
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = processes.run(listed, cwd=ROOT, check=True).stdout.split("\0")
    files = [path for name in names if name and (path := ROOT / name).is_file()]
    assert ROOT / "requirements.lock" in files
    assert not [(str(path), address) for path in files for address in addresses if address in path.read_bytes()]


def test_what_is_installed_has_every_file_of_the_app():
    """setuptools leaves out what is no Python and is not declared."""
    declared = tomllib.loads(read("pyproject.toml"))["tool"]["setuptools"]["package-data"]["app"]
    files = {path for pattern in declared for path in (ROOT / "app").glob(pattern)}
    listed = processes.run(["git", "ls-files", "app"], cwd=ROOT, check=True).stdout
    there = [ROOT / name for name in listed.splitlines() if not name.endswith(".py")]
    assert there
    assert not set(there) - files


def test_one_python_everywhere(final_stage):
    """Heroku (.python-version) and the image run one Python, which pyproject.toml admits and which is 3.11 or newer."""
    version = read(".python-version").strip()
    assert Version(version) >= Version("3.11")
    assert version in SpecifierSet(tomllib.loads(read("pyproject.toml"))["project"]["requires-python"])
    assert final_stage["FROM"] == f"python:{version}-slim"


def test_secrets_stay_out_of_the_image():
    """Docker is sent only what is listed: no `.env`, no history."""
    first, *rest = (line for line in read(".dockerignore").splitlines() if not line.startswith("#"))
    assert first == "*"
    assert not {"!.env", "!.git"} & set(rest)


def test_ci_runs_what_make_test_runs():
    """.ci/run is executable, says that it is CI (what is missing fails rather than skips) and calls make test."""
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    commands = [line.split("#")[0].strip() for line in read(".ci/run").splitlines()]
    assert commands.index("export CI=true") < commands.index("make -j 4 test || make test-again")


# systemd

UNITS = ROOT / "deploy/systemd"
SERVICES = {"web": "aomi-web@.service", "worker": "aomi-worker@.service"}
HOME = "/opt/aomi"


def unit(name):
    """The sections of a unit; of options that are given twice the last one."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read_string((UNITS / name).read_text())
    return parser


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_runs_what_the_procfile_says(procfile, name):
    """The very arguments, out of the environment that `make install` makes."""
    program, *arguments = unit(SERVICES[name])["Service"]["ExecStart"].split()
    assert program == f"{HOME}/.venv/bin/{procfile[name][0]}"
    assert arguments == procfile[name][1:]


@pytest.mark.parametrize("name", SERVICES)
def test_a_reload_of_a_service_is_one_of_the_site(name):
    """Not a signal to gunicorn's master, nor one whose outcome nobody sees."""
    assert unit(SERVICES[name])["Service"]["ExecReload"] == f"{HOME}/.venv/bin/aomi reload"
    assert "reload" in cli.SUBCOMMANDS


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_started_again_and_may_do_little(name):
    service = unit(SERVICES[name])["Service"]
    assert service["Restart"] == "always"
    assert (service["User"], service["NoNewPrivileges"], service["ProtectSystem"]) == ("aomi", "yes", "strict")
    assert service["KillSignal"] == "SIGTERM"


@pytest.mark.parametrize(("name", "codes"), [("web", {2, Arbiter.APP_LOAD_ERROR}), ("worker", {2})])
def test_a_service_that_refuses_its_configuration_is_not_started_again(name, codes):
    """Those are the codes of `tests/e2e/test_check.py`."""
    prevented = unit(SERVICES[name])["Service"]["RestartPreventExitStatus"]
    assert {int(code) for code in prevented.split()} == codes


def test_compose_lets_a_web_finish(services):
    """A web process is killed only after it has drained and closed."""
    drain = Settings.model_fields["drain"].default
    assert seconds(services["web"]["stop_grace_period"]) > drain + serving.CLOSE_SECONDS


def test_gunicorn_waits_for_the_longest_drain():
    """Its master does not know the setting of a `.env` file."""
    longest = next(bound.le for bound in Settings.model_fields["drain"].metadata if hasattr(bound, "le"))
    assert serving.graceful_timeout >= longest + serving.CLOSE_SECONDS


def test_systemd_lets_a_worker_and_a_web_finish(last_words):
    grace, drain = (Settings.model_fields[name].default for name in ("grace", "drain"))
    assert float(unit(SERVICES["worker"])["Service"]["TimeoutStopSec"]) > grace + 2 * last_words
    assert float(unit(SERVICES["web"])["Service"]["TimeoutStopSec"]) > serving.CLOSE_SECONDS + drain


def test_the_target_starts_the_webs_that_nginx_asks_and_as_many_workers():
    wanted = unit("aomi.target")["Unit"]["Wants"].split()
    ports = re.findall(r"server 127\.0\.0\.1:(\d+)", read("deploy/nginx.conf"))
    assert [f"aomi-web@{port}.service" for port in ports] == [name for name in wanted if "web" in name]
    assert len([name for name in wanted if "worker" in name]) == len(ports)
    assert "PORT=%i" in unit(SERVICES["web"])["Service"]["Environment"].split()


@pytest.fixture
def installed(tmp_path):
    """The units with this very repository as the place where all is installed, an instance of each service."""
    shutil.copy(UNITS / "aomi.target", tmp_path)
    for name, instance in zip(SERVICES.values(), ("8001", "1"), strict=True):
        text = (UNITS / name).read_text().replace(f"{HOME}/.venv/bin", str(Path(sys.executable).parent))
        for file in (name, name.replace("@", f"@{instance}")):
            (tmp_path / file).write_text(text.replace(HOME, str(ROOT)))
    return tmp_path


@pytest.mark.parametrize("name", SERVICES)
def test_systemd_waits_until_a_service_is_ready(name):
    assert unit(SERVICES[name])["Service"]["Type"] == "notify"


def test_systemd_finds_nothing_wrong_with_the_units_and_little_exposed(installed):
    """`systemd-analyze` itself, where there is one: a machine without systemd has none to install."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze on this machine")
    units = [str(path) for path in installed.iterdir() if "@." not in path.name]
    checked = processes.run(["systemd-analyze", "verify", *units])
    assert (checked.returncode, checked.stderr) == (0, "")
    security = ["systemd-analyze", "security", "--offline=true", "--threshold=25"]
    for path in units:
        if path.endswith(".service"):
            ran = processes.run([*security, path])
            assert ran.returncode == 0, ran.stdout[-300:]


# what really runs


@pytest.mark.long
def test_the_procfile_as_it_is_gives_a_site_that_is_ready(redis_url, config_file, tmp_path):
    """Its very lines, run as Heroku runs them."""
    port = free_port()
    environment = os.environ | {
        "REDIS_URL": redis_url.replace("/0", "/3"),
        "AOMI_CONFIG": str(config_file),
        "HOST": "127.0.0.1",
        "TEST_API_KEY": "sk-procfile",
        "AOMI_GRACE": "1",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    output = tmp_path / "honcho.log"
    command = [sys.executable, "-m", "honcho", "start", "--port", str(port), "-f", str(ROOT / "Procfile")]
    process = Process(command, environment, output)
    try:
        until(lambda: ready(f"http://127.0.0.1:{port}/readyz") or not process.alive, 60, "a web and a worker")
        assert process.alive, process.log()
    finally:
        process.stop()
    assert "Traceback" not in process.log()


def ready(url):
    try:
        return httpx.get(url, timeout=1, **PLAIN).status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("name", ["web", "worker"])
def test_compose_hands_every_setting_through(services, name):
    """What `.env` sets reaches the container: only what holds inside of it alone is overridden."""
    inside = {"REDIS_URL", "AOMI_CONFIG", "HOST", "PORT", "AOMI_TRUSTED_PROXIES"}
    assert set(services[name]["environment"]) == inside
    assert services[name]["env_file"][0]["path"] == ".env"


def test_heroku_stays_below_the_connections_of_its_redis(heroku):
    """Both processes of a web dyno and the worker, as many connections as each may open: 40 is a premium-0's bound."""
    env = {name: variable.get("value") for name, variable in heroku["env"].items()}
    processes = int(env["WEB_CONCURRENCY"]) + heroku["formation"]["worker"]["quantity"]
    assert processes * int(env["AOMI_REDIS_CONNECTIONS"]) <= 40
