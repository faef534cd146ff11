"""A Postgres of its own for a peer that needs one, on a free port, as the machine's packages have it."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from pathlib import Path

from benchmarks.processes import Processes, free_port

PACKAGED = "/usr/lib/postgresql"
"""Where Debian has the programs, which are not on its PATH."""


def start(processes: Processes) -> tuple[int, str]:
    """A server with its default settings and an empty database; its pid and URL. Raises `RuntimeError` in one line
    where there is none."""
    programs = _programs()
    home = processes.folder / "postgres"
    home.mkdir()
    password = secrets.token_hex()
    (home / "password").write_text(password)
    prefix = _as_another_user(processes.folder, home)
    made = [*prefix, str(programs / "initdb"), "-D", str(home / "data"), "-U", "postgres", "--locale=C"]
    made += ["-A", "scram-sha-256", f"--pwfile={home / 'password'}"]
    ran = subprocess.run(made, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(ran.stderr or "initdb failed")
    port = free_port()
    options = ("-D", str(home / "data"), "-p", str(port), "-c", "listen_addresses=127.0.0.1")
    command = (*prefix, str(programs / "postgres"), *options, "-c", "unix_socket_directories=")
    process = processes.start("postgres", *command)
    log = processes.log("postgres")
    processes.until("postgres", process, lambda: "ready to accept connections" in log.read_text())
    return process.pid, f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres"


def _programs() -> Path:
    newest_first = sorted(Path(PACKAGED).glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    for folder in (Path(shutil.which("postgres") or "/nowhere/postgres").resolve().parent, *newest_first):
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise RuntimeError("it needs Postgres, and there is no `postgres` here")


def _as_another_user(folder: Path, home: Path) -> list[str]:
    """What to put before a command: Postgres refuses to run as root."""
    if os.geteuid():
        return []
    try:
        shutil.chown(home, "postgres", "postgres")
    except LookupError:
        raise RuntimeError("it needs Postgres, which does not run as root, and there is no user `postgres`") from None
    folder.chmod(0o711)  # so that the user reaches its own folder
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
