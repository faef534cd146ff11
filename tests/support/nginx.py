"""nginx as deploy/nginx.conf has it, with other ports and paths, without a right of root."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support import processes
from tests.support.backend import ROOT, answers, free_port
from tests.support.engines import Certificates
from tests.support.patience import until
from tests.support.programs import needed

FILE = ROOT / "deploy/nginx.conf"
LIVE = "/etc/letsencrypt/live/chat.your.name"

WHOLE = """
daemon off;
pid nginx.pid;
error_log error.log;
events {{ worker_connections 512; }}
http {{
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    {server}
}}
"""
"""What Debian's own nginx.conf is around the file."""


def server(port: int, webs: Sequence[str], folder: Path, tls: Certificates | None) -> str:
    """The file's content, with these addresses and this folder in the place of those that it has."""
    text, changes = FILE.read_text(), {"/var/log/nginx/": f"{folder}/"}
    if tls:
        text = with_tls(text)
        changes |= {"listen 80;": f"listen 127.0.0.1:{free_port()};", "listen 443 ": f"listen 127.0.0.1:{port} "}
        changes |= {f"{LIVE}/fullchain.pem": str(tls.certificate), f"{LIVE}/privkey.pem": str(tls.key)}
    else:
        changes |= {"listen 80; #plain": f"listen 127.0.0.1:{port};"}
    changes |= {f"127.0.0.1:{8001 + place}": url.removeprefix("http://") for place, url in enumerate(webs)}
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def with_tls(text: str) -> str:
    """The file as the command at its top makes it."""
    (command,) = re.findall(r"^#   (sed -i .*)$", text, re.MULTILINE)
    program, _, *options, _ = shlex.split(command)
    return subprocess.run([program, *options], input=text, check=True, capture_output=True, text=True).stdout


@contextmanager
def nginx_running(folder: Path, webs: Sequence[str], tls: bool = False) -> Iterator[str]:
    """nginx before these webs; yields its address. With `tls` it has the file's lines for that, and a certificate."""
    port, certificates = free_port(), Certificates(folder) if tls else None
    (folder / "nginx.conf").write_text(WHOLE.format(server=server(port, webs, folder, certificates)))
    command = [program(), "-p", str(folder), "-c", "nginx.conf", "-e", "error.log"]
    subprocess.run([*command, "-t"], check=True, capture_output=True)
    process = processes.start(command)
    try:
        until(lambda: answers(port), what="nginx")
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    finally:
        processes.stop(process)


def program() -> str:
    """nginx; Debian keeps it where only root looks."""
    return shutil.which("nginx", path="/usr/sbin") or needed("nginx")
