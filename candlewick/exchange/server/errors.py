"""Errors in Binance's form.

Source: binance-spot-api-docs, errors.md.
"""

from http import HTTPStatus
from typing import Final

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

JSON: Final = "application/json;charset=UTF-8"


class ApiError(Exception):
    """A request was refused; the client gets the code and the message as JSON.

    Attributes:
        status: HTTP status.
        code: Binance's error code, a negative number.
        retry_after_s: Seconds after which to try again, or None.
    """

    def __init__(
        self, code: int, message: str, *, status: int = 400, retry_after_s: int | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.retry_after_s = retry_after_s

    @property
    def body(self) -> str:
        """The answer's JSON."""
        return orjson.dumps({"code": self.code, "msg": str(self)}).decode()


def missing(name: str) -> ApiError:
    """Return the error for a missing mandatory parameter."""
    text = f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
    return ApiError(-1102, text)


def illegal(name: str, legal: str) -> ApiError:
    """Return the error for a value with illegal characters."""
    text = f"Illegal characters found in parameter '{name}'; legal range is '{legal}'."
    return ApiError(-1100, text)


def empty(name: str) -> ApiError:
    """Return the error for a parameter without a value."""
    return ApiError(-1105, f"Parameter '{name}' was empty.")


def duplicated(name: str) -> ApiError:
    """Return the error for a parameter sent twice."""
    return ApiError(-1101, f"Duplicate values for parameter '{name}'.")


def other_status(status: str) -> ApiError:
    """Return the error for a symbol that has another trading status than requested."""
    return ApiError(
        -1220, f"The symbol's status does not match the requested symbolStatus {status}."
    )


def unsupported(what: str = "") -> ApiError:
    """Return the error for what the exchange has and this one does not."""
    said = "This operation is not supported."
    return ApiError(-1020, f"{said} {what}".rstrip(), status=404)


def unread(read: int, sent: int) -> ApiError:
    """Return the error for parameters that the path does not know."""
    text = f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'."
    return ApiError(-1104, text)


def invalid(name: str) -> ApiError:
    """Return the error for a number out of range."""
    return ApiError(-1130, f"Data sent for parameter '{name}' is not valid.")


def combination() -> ApiError:
    """Return the error for parameters that exclude each other."""
    return ApiError(-1128, "Combination of optional parameters invalid.")


async def refuse(_: Request, error: Exception) -> Response:
    """Answer a request for a path or method that is not served."""
    status = error.status_code if isinstance(error, HTTPException) else HTTPStatus.NOT_FOUND
    headers = error.headers if isinstance(error, HTTPException) else None
    return Response(unsupported().body, status, headers, JSON)


async def fail(_: Request, __: Exception) -> Response:
    """Answer a request that met an error of this program, which is logged."""
    unknown = ApiError(-1000, "An unknown error occurred while processing the request.")
    return Response(unknown.body, HTTPStatus.INTERNAL_SERVER_ERROR, None, JSON)
