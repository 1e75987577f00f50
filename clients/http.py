"""The only place where HTTP clients of the outer world are made."""

import httpx

from clients.proxies import keep_loopback_direct
from schemas.errors import ConfigurationError


def open_http(timeout_s: float, *, connections: int | None = None) -> httpx.AsyncClient:
    """Return a client that honours the environment's proxies, but not for loopback.

    Args:
        timeout_s: Limit between two bytes; who asks limits the whole.
        connections: Most connections at a time; None for the library's number.

    Raises:
        ConfigurationError: A proxy variable is not the address of a proxy.
    """
    keep_loopback_direct()
    limits = httpx.Limits(max_connections=connections) if connections else httpx.Limits()
    try:
        return httpx.AsyncClient(timeout=timeout_s, limits=limits)
    except (ValueError, httpx.InvalidURL) as error:
        raise ConfigurationError(
            f"{error}: correct HTTPS_PROXY, HTTP_PROXY or ALL_PROXY; write for example "
            "http://host:3128 or socks5://host:1080"
        ) from error
