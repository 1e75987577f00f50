"""Connection to Grafana's HTTP API; its errors say what to change."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import requests
from grafana_client.api import GrafanaApi
from grafana_client.client import GrafanaClientError, GrafanaException

from clients.proxies import keep_loopback_direct
from schemas.errors import ConfigurationError, Transient

UNAUTHORIZED: Final = 401
FORBIDDEN: Final = 403
NOT_FOUND: Final = 404
TOO_MANY: Final = 429
BUSY_S: Final = 30.0  # the client does not pass on for how long it was told to wait
TIMEOUT_S: Final = 10.0
# Of dashboards, of rules and contact points, of data sources. Source: Grafana, pkg/services:
# dashboards/errors.go, ngalert/provisioning/errors.go, datasources/errors.go.
_OF_FILES: Final = ("provisioned", "provenance", "read-only data source")


@contextmanager
def connected(url: str, token: str) -> Iterator[GrafanaApi]:
    """Open a client without a request, and close its connections when the block ends.

    Raises:
        ConfigurationError: The address or the token is missing.
    """
    if not url:
        raise ConfigurationError("no address of Grafana: set --url or CANDLEWICK_GRAFANA__URL")
    if not token:
        raise ConfigurationError(
            "no token of a Grafana service account is given: set CANDLEWICK_GRAFANA__TOKEN, which "
            "stays out of the shell's history, or use --token"
        )
    keep_loopback_direct()
    rooted = url.rstrip("/") + "/"  # the client appends `api` to it
    api: GrafanaApi = GrafanaApi.from_url(url=rooted, credential=token, timeout=TIMEOUT_S)
    try:
        yield api
    finally:
        api.client.s.close()


@contextmanager
def translated(url: str, doing: str) -> Iterator[None]:
    """Translate the errors of a client to ours, which say what to do.

    Raises:
        ConfigurationError: Grafana refuses the token, its role, or the data sent.
        Transient: Grafana does not answer, or cannot answer now.
    """
    try:
        yield
    except GrafanaException as error:
        raise _meant(error, url, doing) from error
    except (requests.RequestException, OSError) as error:
        raise Transient(
            f"no Grafana answers at {url}: start it, or correct --url or CANDLEWICK_GRAFANA__URL"
        ) from error


def is_missing(error: GrafanaClientError) -> bool:
    """Check whether the error means that Grafana does not have the object."""
    return bool(error.status_code == NOT_FOUND)


def _meant(error: GrafanaException, url: str, doing: str) -> Exception:
    told = str(error.response or error.message)
    if any(word in told.lower() for word in _OF_FILES):
        return ConfigurationError(
            f"Grafana made this from its provisioning files, so it refused to {doing}: change the "
            "file, or remove it and start Grafana again"
        )
    if error.status_code == UNAUTHORIZED:
        return ConfigurationError(
            f"Grafana at {url} does not know the token: create one under Administration, Service "
            "accounts, with the role Admin, and set CANDLEWICK_GRAFANA__TOKEN"
        )
    if error.status_code == FORBIDDEN:
        return ConfigurationError(
            f"the token may not {doing}: give its service account the role Admin"
        )
    if error.status_code == TOO_MANY:
        return Transient(
            f"Grafana at {url} was asked too often to {doing}: it is asked again later",
            retry_after_s=BUSY_S,
        )
    if isinstance(error, GrafanaClientError):
        return ConfigurationError(f"Grafana refused to {doing}: {told}")
    return Transient(f"Grafana at {url} could not {doing}: {error.message}")
