"""`aomi dev`: the whole backend on one machine, in one terminal."""

from __future__ import annotations

import os
import shlex
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

from app.commands import check
from app.commands.redis_server import find_server
from app.errors import ConfigError

DATA = Path(".aomi")
"""The data directory of the Redis that this command starts."""

REDIS_PORT = 6379
READY_TIMEOUT_SECONDS = 120.0
INTERRUPTED = 130

TRY = """
The backend is ready. Open it in a browser: {url}
Or send a message from another terminal:

  curl -N '{url}/api/chat' -H "X-Session-Id: $(python3 -c 'import uuid; print(uuid.uuid4())')" \\
    -H 'Content-Type: application/json' -d '{{"text": "What is the current price of ETH?"}}'

The API documentation, to read and to try: {url}/docs
Ctrl-C stops everything.
"""


def run(port: int) -> int:
    """Start Redis, web and worker. Returns the exit code after all have ended, Redis last."""
    _refuse_taken(port)
    if code := check.run("--quick"):
        return code
    if (url := os.environ.get("REDIS_URL", "")) or "REDIS_URL_FILE" in os.environ:
        click.echo("Redis: the server at REDIS_URL")
        return _run_processes(port, url)
    with _own_redis() as url:
        return _run_processes(port, url)


def _run_processes(port: int, redis_url: str) -> int:
    try:
        from honcho.manager import Manager  # a development dependency, not installed in production
    except ImportError:
        raise ConfigError("aomi dev needs the development dependencies; `make run` installs them") from None

    defaults = {"HOST": "127.0.0.1", "AOMI_GRACE": "2", "AOMI_LOG_FORMAT": "text", "AOMI_LOG_CONTENT": "1"}
    environment = defaults | dict(os.environ) | {"PORT": str(port), "REDIS_URL": redis_url, "PYTHONUNBUFFERED": "1"}
    environment["AOMI_WORKER_TURNS"] = "0"  # nothing here would start another worker
    python = shlex.quote(sys.executable)
    manager = Manager()
    manager.add_process("web", f"exec {python} -m gunicorn -c python:app.serving 'app:create_app()'", env=environment)
    manager.add_process("worker", f"exec {python} -m workers", env=environment)
    click.echo("Starting web and worker; the worker needs a few seconds to load litellm ...")
    threading.Thread(target=_announce, args=(f"http://127.0.0.1:{port}",), daemon=True).start()
    manager.loop()
    return 0 if manager.returncode == INTERRUPTED else manager.returncode


@contextmanager
def _own_redis() -> Iterator[str]:
    """A Redis for this run, with its data in `DATA`. Yields its URL. Raises `ConfigError`."""
    server, port = find_server(), _redis_port()
    DATA.mkdir(exist_ok=True)
    click.echo(f"Redis: {server.version} on port {port}, its data and log in {DATA}/ ({server.path})")
    command = [server.path, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(DATA), "--logfile", "redis.log"]
    command += ["--appendonly", "yes", "--save", ""]
    process = subprocess.Popen(command, start_new_session=True)  # noqa: S603 - Ctrl-C must not reach Redis, which stops last
    try:
        _wait_for_port(process, port)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(timeout=10)


def _redis_port() -> int:
    """The default port, which `aomi keys` and redis-cli use; a free port if it is taken."""
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
    """Raises `ConfigError` when another program listens on the port."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise ConfigError(f"Port {port} is in use; choose another one: PORT=8001 make run")


def _wait_for_port(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise ConfigError(f"Redis did not start; see {DATA}/redis.log")


def _announce(url: str) -> None:
    """Print the address when web and worker are ready."""
    deadline = time.monotonic() + READY_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=2):  # noqa: S310 - our own address
                click.echo(TRY.format(url=url))
                return
        except (URLError, OSError):
            time.sleep(0.1)
    click.echo(f"Not ready after {READY_TIMEOUT_SECONDS:g} seconds; see the lines above. Still trying.", err=True)
