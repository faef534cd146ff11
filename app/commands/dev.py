"""`aomi dev`: the whole backend on one machine, in one terminal."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO
from urllib.error import HTTPError

from app.commands import check, dev_file, redis_store
from app.commands.dev_file import DATA
from app.commands.echo import echo
from app.commands.redis_server import find_server
from app.errors import ConfigError

REDIS_PORT = 6379
REMIND_SECONDS = 15.0
"""How often the reason is repeated while the backend is not ready."""

INTERRUPTED = 130

TRY = """
The backend is ready. Open it in a browser: {url}
Or try it from another terminal, in this folder:

  {aomi} chat --url {url}
  {aomi} inspect
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
    with ExitStack() as stack:
        has_redis = any(os.environ.get(name) for name in ("REDIS_URL", "REDIS_URL_FILE"))
        file = _file_of_folder(stack, has_redis)
        if has_redis:
            redis_store.ping()
            echo("Redis: the server at REDIS_URL")
        else:
            os.environ["REDIS_URL"] = stack.enter_context(_own_redis())
        url = f"http://127.0.0.1:{port}"
        if file:
            known = {name: os.environ[name] for name in (*dev_file.REDIS, "AOMI_CONFIG") if os.environ.get(name)}
            dev_file.write(file, known | {"AOMI_URL": url})
        return _run_processes(port, url)


def _file_of_folder(stack: ExitStack, has_redis: bool) -> IO[str] | None:
    """The file by which other commands find this backend; None if that of another `aomi dev` is there already. Raises
    `ConfigError` when that one's Redis has the data of this folder."""
    try:
        return stack.enter_context(dev_file.written())
    except dev_file.Running as other:
        if has_redis:
            return None
        raise ConfigError(
            f"Another `aomi dev` runs in this folder, at {other.url}, and its Redis uses {DATA}/; stop it, or set "
            "REDIS_URL to another Redis"
        ) from None


def _run_processes(port: int, url: str) -> int:
    try:
        from honcho.manager import Manager  # a development dependency, not installed in production
    except ImportError:
        raise ConfigError("aomi dev needs the development dependencies; `make run` installs them") from None

    defaults = {"HOST": "127.0.0.1", "AOMI_GRACE": "2", "AOMI_LOG_FORMAT": "text", "AOMI_LOG_CONTENT": "1"}
    environment = defaults | dict(os.environ) | {"PORT": str(port), "PYTHONUNBUFFERED": "1"}
    environment["AOMI_WORKER_TURNS"] = "0"  # nothing here would start another worker
    python = shlex.quote(sys.executable)
    manager = Manager()
    manager.add_process("web", f"exec {python} -m gunicorn -c python:app.serving 'app:create_app()'", env=environment)
    manager.add_process("worker", f"exec {python} -m workers", env=environment)
    echo("Starting web and worker; the worker needs a few seconds to load litellm ...")
    threading.Thread(target=_announce, args=(url,), daemon=True).start()
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # of a terminal that is closed; nohup ignores it
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGINT))
    manager.loop()
    return 0 if manager.returncode == INTERRUPTED else manager.returncode


@contextmanager
def _own_redis() -> Iterator[str]:
    """A Redis for this run, with its data in `DATA`. Yields its URL. Raises `ConfigError`."""
    server, port = find_server(), _redis_port()
    DATA.mkdir(exist_ok=True)
    echo(f"Redis: {server.version} on port {port}, its data and log in {DATA}/ ({server.path})")
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
            raise ConfigError(f"Port {port} is in use; choose another one: PORT=8001 aomi dev, or PORT=8001 make run")


def _wait_for_port(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise ConfigError(f"Redis did not start; see {DATA}/redis.log")


def _announce(url: str) -> None:
    """Print why the backend is not ready as long as it is not, then its address."""
    told, repeat_at = "", 0.0
    while (reason := _not_ready(url)) is not None:
        if reason and (reason != told or time.monotonic() >= repeat_at):
            echo(f"Not ready yet, messages wait: {reason}")
            told, repeat_at = reason, time.monotonic() + REMIND_SECONDS
        time.sleep(0.1)
    echo(TRY.format(url=url, aomi=_own_path()))


def _not_ready(url: str) -> str | None:
    """Why the backend is not ready: '' if the web process does not respond. None once it is ready."""
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=2):  # noqa: S310 - our own address
            return None
    except HTTPError as refusal:
        with suppress(ValueError, LookupError, OSError):
            return str(json.load(refusal)["error"])
    except OSError:
        pass
    return ""


def _own_path() -> str:
    """This command as a shell in this folder finds it."""
    path = Path(sys.executable).with_name("aomi")
    if shutil.which("aomi") == str(path) or not path.exists():
        return "aomi"
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
