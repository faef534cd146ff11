"""Files in a bucket: s3fs, as `aomi-backend[s3]` installs it, in a web process, against moto's server of S3."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.backend import Process, free_port, program_running, succeeds, until
from tests.support.client import Client
from tests.support.images import PNG

PACKAGES = Path(__file__).parent / "s3_packages"
BUCKET = "files-of-tests"
WEB = [sys.executable, "-u", "-m", "gunicorn", "-c", "python:app.serving", "app:create_app()"]
"""Not forked from a process that has looked for packages already."""

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not PACKAGES.exists(), reason="`make test-s3` installs s3fs and moto"),
]


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[str]:
    """The address of a server of S3 with one bucket."""
    port = free_port()
    command, environment = [sys.executable, "-m", "moto.server", "-p", str(port)], {"PYTHONPATH": str(PACKAGES)}
    url, log = f"http://127.0.0.1:{port}", tmp_path / "moto.log"
    with program_running(command, environment, log, lambda: succeeds(f"{url}/{BUCKET}", "PUT"), "the server of S3"):
        yield url


def test_files_are_stored_read_and_deleted_in_a_bucket(backend, worker, key, bucket, tmp_path):
    port = free_port()
    environment = backend.environment | {
        "AOMI_FILES_URL": f"s3://{BUCKET}/files",
        "AWS_ENDPOINT_URL": bucket,
        "AWS_ACCESS_KEY_ID": "tests",
        "AWS_SECRET_ACCESS_KEY": "tests",
        "AWS_DEFAULT_REGION": "us-east-1",
        "PYTHONPATH": str(PACKAGES),
        "PORT": str(port),
    }
    process = Process(WEB, environment, tmp_path / "web.log")
    try:
        until(lambda: succeeds(f"http://127.0.0.1:{port}/healthz"), 120, "the web process")
        use_files(Client(f"http://127.0.0.1:{port}", key), bucket)
    finally:
        process.stop()


def use_files(client: Client, bucket: str) -> None:
    client.post("/api/sessions")
    headers = {"Content-Type": "image/png"}
    ids = [client.post("/api/files", content=PNG, headers=headers).json()["file_id"] for _ in range(2)]
    assert client.get(f"/api/files/{ids[0]}").content == PNG
    assert stored(bucket) == 2
    client.request("DELETE", f"/api/files/{ids[0]}")
    assert stored(bucket) == 1
    assert client.get(f"/api/files/{ids[0]}").status_code == 404
    client.request("DELETE", f"/api/sessions/{client.session_id}")
    assert stored(bucket) == 0


def stored(bucket: str) -> int:
    """How many objects the bucket has."""
    return httpx.get(f"{bucket}/{BUCKET}?list-type=2").text.count("<Key>")
