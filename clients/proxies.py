"""Proxies of the environment: the outer world is asked through them, loopback never is.

The libraries read ``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` by themselves,
each in its own way: websockets leaves out ``ALL_PROXY``, and none of them leaves out loopback.
"""

import os
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_NO_PROXY: Final = ("NO_PROXY", "no_proxy")
_SCHEMES: Final = {"wss": ("wss", "https", "all"), "ws": ("ws", "http", "all")}


def keep_loopback_direct() -> None:
    """Add loopback to ``NO_PROXY`` of this process and its children; call it before a client."""
    held = next((os.environ[name] for name in _NO_PROXY if os.environ.get(name)), "")
    known = [host.strip() for host in held.split(",") if host.strip()]
    # Beside other names `*` means nothing to urllib.
    names = ["*"] if "*" in known else [*known, *(host for host in _LOOPBACK if host not in known)]
    wanted = ",".join(names)
    for name in _NO_PROXY:
        os.environ[name] = wanted


def websocket_proxy(url: str) -> str | None:
    """Return the proxy for a websocket address; None to connect without one."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    proxies = getproxies()
    if is_loopback(host) or proxy_bypass(host):
        return None
    return next((proxies[s] for s in _SCHEMES.get(parts.scheme, ()) if proxies.get(s)), None)


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine itself."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
