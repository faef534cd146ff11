"""Where a request comes from: what a trusted proxy says, and nothing that a client says of itself."""

from __future__ import annotations

import pytest
from flask import Flask

from app.web.address import address, behind, normal


@pytest.mark.parametrize(
    ("text", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7:4711", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::9]:4711", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unknown", ""),
        ("a:b key", ""),
    ],
)
def test_an_address_is_counted_in_one_form(text, counted):
    assert normal(text) == counted


@pytest.mark.parametrize(
    ("proxies", "forwarded", "found"),
    [
        (0, "203.0.113.9", "198.51.100.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "192.0.2.66, 203.0.113.9", "203.0.113.9"),
        (2, "192.0.2.66, 203.0.113.9, 10.0.0.1", "203.0.113.9"),
        (1, None, "198.51.100.1"),
        (2, "203.0.113.9", "198.51.100.1"),
    ],
)
def test_of_what_proxies_say_the_trusted_ones_are_believed(proxies, forwarded, found):
    app = Flask("tests")
    app.add_url_rule("/", view_func=address)
    behind(app, proxies)
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    answer = app.test_client().get("/", headers=headers, environ_base={"REMOTE_ADDR": "198.51.100.1"})
    assert answer.text == found
