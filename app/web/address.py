"""The client's address behind trusted proxies: see AOMI_TRUSTED_PROXIES."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

from flask import Flask, request
from werkzeug.middleware.proxy_fix import ProxyFix

IPV6_PREFIX = 64
"""Bits of an IPv6 address that count: one client usually owns all addresses that share them."""


def behind(app: Flask, proxies: int) -> None:
    """Take each request's address from the X-Forwarded-For entries that the last `proxies` proxies added. Other entries
    of the header are ignored: a client can send any it likes."""
    if proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=proxies, x_proto=0, x_host=0, x_port=0, x_prefix=0
        )


def address() -> str:
    """The request's address, for IPv6 its /64 network; '' if unknown."""
    return normal(request.remote_addr or "")


@lru_cache(maxsize=1024)
def normal(text: str) -> str:
    """An address in the form that limits count by, '' if it is none. Some proxies append a port."""
    host = text.strip()
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        parsed = ip_address(host.partition("%")[0])
    except ValueError:
        return ""
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or ip_network((parsed, IPV6_PREFIX), strict=False))
