"""What the API says of the health of everything; it is the one that looks."""

import json
from http.client import HTTPConnection, HTTPException
from typing import Any, Final

from candlewick.ports import LOOPBACK
from clients.limits import within
from schemas.errors import Transient

Health = dict[str, Any]
ANSWER_S: Final = 5.0
ANYWHERE: Final = ("0.0.0.0", "::", "")  # noqa: S104 - where it listens, seen from this machine


def ask_health(host: str, port: int) -> Health | None:
    """Return the answer of the API's health check, None where there is none.

    Args:
        host: Address that the API listens on.
        port: Its port.
    """
    try:
        return within(ANSWER_S, f"the API at port {port}", lambda: _ask(host, port))
    except (Transient, OSError, HTTPException, ValueError):
        return None


def _ask(host: str, port: int) -> Health:
    connection = HTTPConnection(LOOPBACK if host in ANYWHERE else host, port, timeout=ANSWER_S)
    try:
        connection.request("GET", "/healthcheck")
        answer: object = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    if not isinstance(answer, dict) or "status" not in answer or "parts" not in answer:
        raise ValueError("not the answer of a health check")
    return answer
