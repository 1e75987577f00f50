"""What is said where no websocket can be opened, whichever library was to open it."""

from schemas.errors import ConfigurationError, Transient


def wrong_address(url: str) -> ConfigurationError:
    """Return the error for what is no address."""
    return ConfigurationError(
        f"{url[:80]} is not a websocket address: correct CANDLEWICK_BINANCE__STREAM_URL"
    )


def wrong_proxy(error: Exception) -> ConfigurationError:
    """Return the error for a proxy that cannot be used."""
    return ConfigurationError(f"{error}: correct HTTPS_PROXY or ALL_PROXY")


def no_connection(url: str, error: Exception) -> Transient:
    """Return the error for an exchange that does not answer, or refuses."""
    return Transient(f"no connection to {url[:60]}: {error!r}")
