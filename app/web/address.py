"""Where a request comes from, as far as it can be told: see AOMI_TRUSTED_PROXIES."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network

from flask import Flask, request
from werkzeug.middleware.proxy_fix import ProxyFix

IPV6_PREFIX = 64
"""Bits of an IPv6 address that count: whoever has one address has all that begin so."""


def behind(app: Flask, proxies: int) -> None:
    """Take a request's address from what the last `proxies` proxies before `app` have written into X-Forwarded-For.
    More of that header, or the header without a proxy, is the client's own invention, and is not looked at."""
    if proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=proxies, x_proto=0, x_host=0, x_port=0, x_prefix=0
        )


def address() -> str:
    """The request's address, of IPv6 the network that one client has; '' if it is not known."""
    return normal(request.remote_addr or "")


def normal(text: str) -> str:
    """An address in the one form that is counted by, '' if it is none. Some proxies add a port."""
    host = text.strip()
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        found = ip_address(host.partition("%")[0])
    except ValueError:
        return ""
    if not isinstance(found, IPv6Address):
        return str(found)
    return str(found.ipv4_mapped or ip_network((found, IPV6_PREFIX), strict=False))
