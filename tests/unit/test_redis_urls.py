"""URLs of Redis: what each one names, and what is said of those that name nothing."""

from __future__ import annotations

import pytest

from app.redis_urls import RedisTarget, read


@pytest.mark.parametrize("url", ["redis://h:1/0", "rediss://u:p@h:1/2?ssl_ca_certs=/ca.pem", "unix:///run/redis.sock"])
def test_a_plain_url_is_one_server(url):
    assert read(url) == RedisTarget("server", url)


def test_sentinels_have_a_master_and_a_database():
    found = read("redis+sentinel://u:p%40ss@h1:1,h2,[::1]:3/mymaster/2")
    assert (found.kind, found.master) == ("sentinel", "mymaster")
    assert found.addresses == (("h1", 1), ("h2", 26379), ("::1", 3))
    assert found.url == "redis://u:p%40ss@h1:1/2"


def test_sentinels_may_have_a_password_of_their_own():
    found = read("rediss+sentinel://:p@h1/mymaster?sentinel_password=s%26p&ssl_ca_certs=/ca.pem")
    assert found.sentinel == (("password", "s&p"),)
    assert (found.url, found.tls) == ("rediss://:p@h1:26379/0?ssl_ca_certs=%2Fca.pem", True)


def test_a_cluster_has_nodes():
    found = read("redis+cluster://u:p@h1:7000,h2/")
    assert (found.kind, found.addresses) == ("cluster", (("h1", 7000), ("h2", 6379)))
    assert (found.url, found.tls) == ("redis://u:p@h1:7000/0", False)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("h:6379", "schemes"),
        ("http://h:6379", "schemes"),
        ("unix+cluster://h", "schemes"),
        ("redis+proxy://h", "schemes"),
        ("redis+sentinel://h:26379", "/mymaster"),
        ("redis+sentinel://h:26379/mymaster/one", "/mymaster"),
        ("redis+sentinel://h:26379/mymaster/0/1", "/mymaster"),
        ("redis+cluster://h:6379/1", "database"),
        ("redis+cluster://:secret@h:port", "host:port"),
        ("redis+cluster://:secret@h1,,h2", "host:port"),
    ],
)
def test_a_wrong_url_is_told_in_words_that_hold_no_password(url, words):
    with pytest.raises(ValueError, match=words) as raised:
        read(url)
    assert "secret" not in str(raised.value)
