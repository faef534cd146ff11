"""nginx as deploy/nginx.conf has it, with other ports and paths, without a right of root."""

from __future__ import annotations

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


TLS = {
    "    # listen 443 ssl http2;": "    listen 127.0.0.1:{port} ssl http2;",
    "    # ssl_certificate ": "    ssl_certificate ",
    "/etc/letsencrypt/live/chat.example/fullchain.pem": "{folder}/cert.pem",
    "    # ssl_certificate_key": "    ssl_certificate_key",
    "/etc/letsencrypt/live/chat.example/privkey.pem": "{folder}/key.pem",
    "    # ssl_protocols": "    ssl_protocols",
    "    listen 80;\n": "",
}
"""What an operator changes for TLS, with a certificate of this folder."""


def server(port: int, webs: Sequence[str], folder: Path, tls: bool = False) -> str:
    """The file's content, with these addresses and this folder in the place of those that it has."""
    text = FILE.read_text()
    changes = {old: new.format(port=port, folder=folder) for old, new in TLS.items()} if tls else {}
    changes |= {} if tls else {"listen 80;": f"listen 127.0.0.1:{port};"}
    changes |= {"/var/log/nginx/": f"{folder}/"}
    changes |= {f"127.0.0.1:{8001 + place}": url.removeprefix("http://") for place, url in enumerate(webs)}
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


@contextmanager
def nginx_running(folder: Path, webs: Sequence[str], tls: bool = False) -> Iterator[str]:
    """nginx before these webs; yields its address. With `tls` the file's TLS lines count, and no other port is open."""
    port = free_port()
    if tls:
        Certificates(folder)
    (folder / "nginx.conf").write_text(WHOLE.format(server=server(port, webs, folder, tls)))
    command = [program(), "-p", str(folder), "-c", "nginx.conf", "-e", "error.log"]
    subprocess.run([*command, "-t"], check=True, capture_output=True)
    process = processes.start(command)
    try:
        until(lambda: answers(port), what="nginx")
        yield f"http{'s' if tls else ''}://127.0.0.1:{port}"
    finally:
        processes.stop(process)


def program() -> str:
    """nginx; Debian keeps it where only root looks."""
    return shutil.which("nginx", path="/usr/sbin") or needed("nginx")
