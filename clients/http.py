"""The only place where HTTP clients of the outer world are made."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from clients.proxies import keep_loopback_direct
from schemas.errors import ConfigurationError


def open_http(
    timeout_s: float, *, connections: int | None = None, tls: ssl.SSLContext | None = None
) -> httpx.AsyncClient:
    """Return a client that honours the environment's proxies, but not for loopback.

    Args:
        timeout_s: Limit between two bytes; who asks limits the whole.
        connections: Most connections at a time; None for the library's number.
        tls: Which servers to trust; None for those whom the system trusts.

    Raises:
        ConfigurationError: A proxy variable is not the address of a proxy.
    """
    limits = httpx.Limits(max_connections=connections) if connections else httpx.Limits()
    with _proxies_named():
        return httpx.AsyncClient(timeout=timeout_s, limits=limits, verify=tls or True)


def open_blocking_http(timeout_s: float, *, tls: ssl.SSLContext | None = None) -> httpx.Client:
    """Return a client whose calls block; for the rest as `open_http`."""
    with _proxies_named():
        return httpx.Client(timeout=timeout_s, verify=tls or True)


@contextmanager
def _proxies_named() -> Iterator[None]:
    keep_loopback_direct()
    try:
        yield
    except (ValueError, httpx.InvalidURL) as error:
        raise ConfigurationError(
            f"{error}: correct HTTPS_PROXY, HTTP_PROXY or ALL_PROXY; write for example "
            "http://host:3128 or socks5://host:1080"
        ) from error
