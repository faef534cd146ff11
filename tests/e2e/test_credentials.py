"""The credentials of Redis change while web and worker run."""

from __future__ import annotations

import pytest
import redis as redis_py

from tests.support import commands
from tests.support.backend import Backend, redis_running
from tests.support.client import Client, kinds
from tests.support.patience import until

pytestmark = pytest.mark.long

RIGHTS = ("~*", "&*", "+@all")


@pytest.fixture
def admin(tmp_path):
    """The default user of a Redis that others must authenticate to."""
    with redis_running(tmp_path) as url, redis_py.Redis.from_url(url) as client:
        client.execute_command("ACL", "SETUSER", "first", "on", ">old", *RIGHTS)
        client.url = url
        yield client


@pytest.fixture
def file(tmp_path, admin):
    """The file with the URL; call it to write one."""
    path = tmp_path / "redis_url"

    def write(user):
        path.write_text(admin.url.replace("redis://", f"redis://{user}@") + "\n")

    write.path = path
    write("first:old")
    return write


@pytest.fixture
def site(tmp_path, admin, file, config_file):
    environment = {"AOMI_CONFIG": str(config_file), "TEST_API_KEY": "sk-x", "AOMI_GRACE": "1"}
    running = Backend(tmp_path, "redis://127.0.0.1:1/0", environment | {"REDIS_URL_FILE": str(file.path)})
    running.begin_worker()
    running.address = running.web()[1]
    running.await_worker(running.processes[0])
    yield running
    running.stop()


def chats(url):
    """Whether a message gets its answer; a request that Redis refuses is 503."""
    client = Client(url)
    return client.get("/readyz").status_code == 200 and kinds(client.ask("count to 2")) == ["text", "complete"]


def test_a_password_that_is_changed_needs_no_restart(site, admin, file):
    """First the password of the user, whose connections are cut; then another user, while the first one keeps its
    connections and loses its rights."""
    assert chats(site.address)
    admin.execute_command("ACL", "SETUSER", "first", "resetpass", ">new")
    file("first:new")
    admin.execute_command("CLIENT", "KILL", "USER", "first")
    until(lambda: chats(site.address), 30, "web and worker with the new password")
    admin.execute_command("ACL", "SETUSER", "second", "on", ">other", *RIGHTS)
    file("second:other")
    admin.execute_command("ACL", "SETUSER", "first", "nocommands")
    until(lambda: chats(site.address), 30, "web and worker as the other user")
    listed = commands.aomi("keys", "list", environment=site.environment)
    assert listed.returncode == 0, listed.stderr
    assert all(process.alive for process in site.processes)
