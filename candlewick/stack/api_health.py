"""Client of the API's health check, which covers every part of the pipeline."""

import json
import ssl
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any, Final

from candlewick.stack.ports import LOOPBACK
from clients.limits import within
from schemas.errors import Transient
from schemas.settings import ApiSettings

Health = dict[str, Any]
ANSWER_S: Final = 5.0
ANYWHERE: Final = ("0.0.0.0", "::", "")  # noqa: S104 - reached over loopback from this machine


def ask_health(settings: ApiSettings, port: int) -> Health | None:
    """Return the API's health report, or None if the API gives none.

    Args:
        settings: The API's host and certificate.
        port: The API's port.
    """
    try:
        return within(ANSWER_S, f"the API at port {port}", lambda: _ask(settings, port))
    except (Transient, OSError, HTTPException, ValueError):
        return None


def page_url(settings: ApiSettings) -> str:
    """Return the URL of the page for a browser on this machine."""
    scheme = "http" if settings.certificate is None else "https"
    return f"{scheme}://{_host(settings)}:{settings.port}"


def _host(settings: ApiSettings) -> str:
    return LOOPBACK if settings.host in ANYWHERE else settings.host


def _ask(settings: ApiSettings, port: int) -> Health:
    connection = _connection(_host(settings), port, settings.certificate)
    try:
        connection.request("GET", "/healthcheck")
        answer: object = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    if not isinstance(answer, dict) or "status" not in answer or "parts" not in answer:
        raise ValueError("not the answer of a health check")
    return answer


def _connection(host: str, port: int, certificate: Path | None) -> HTTPConnection:
    if certificate is None:
        return HTTPConnection(host, port, timeout=ANSWER_S)
    # Accept exactly this certificate, whatever host name it is for: we connect by address.
    context = ssl.create_default_context(cafile=certificate)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.check_hostname = False
    return HTTPSConnection(host, port, timeout=ANSWER_S, context=context)
