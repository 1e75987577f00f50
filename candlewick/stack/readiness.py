"""Readiness check of a server, by its port or its ping path."""

from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

from candlewick.stack.ports import LOOPBACK, answers
from candlewick.stack.programs import Program

PATIENCE_S = 2.0


def is_ready(program: Program) -> bool:
    """Return whether a program answers; one without a port is ready once it runs."""
    if program.port is None:
        return True
    if program.ping is None:
        return answers(program.port)
    return _status(program.port, program.ping) == HTTPStatus.OK


def _status(port: int, path: str) -> int | None:
    connection = HTTPConnection(LOOPBACK, port, timeout=PATIENCE_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()
