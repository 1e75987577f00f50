"""Converts errors to problems in one place; no client ever sees a stack trace.

A websocket, which has no body for a problem, is closed with its detail.
"""

import math
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI
from fastapi.exceptions import (
    RequestValidationError,
    ValidationException,
    WebSocketRequestValidationError,
)
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from api.http import problems
from api.http.problems import FieldError, Kind, Members, Problem
from api.http.responses import problem_response
from clients.watching.log import EventLog
from schemas.errors import CandlewickError, Transient, own_words

_log = EventLog(__name__)
_LONGEST_DETAIL = 300
# Source: RFC 6455, sections 5.5 and 7.4.1; IANA, "WebSocket Close Code Number Registry".
POLICY_VIOLATION, TRY_LATER = 1008, 1013
_LONGEST_REASON_BYTES = 123
_KINDS = {
    HTTPStatus.NOT_FOUND: problems.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED: problems.NOT_ALLOWED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: problems.TOO_LARGE,
    HTTPStatus.UNAUTHORIZED: problems.SIGN_IN,
    HTTPStatus.FORBIDDEN: problems.FORBIDDEN,
}


def answer_errors(app: FastAPI) -> None:
    """Register handlers that answer every error of an application with a problem."""

    @app.exception_handler(Problem)
    async def _problem(connection: HTTPConnection, error: Problem) -> Response | None:
        return await _refused(connection, error)

    @app.exception_handler(RequestValidationError)
    @app.exception_handler(WebSocketRequestValidationError)
    async def _invalid(connection: HTTPConnection, error: ValidationException) -> Response | None:
        return await _refused(connection, invalid(error))

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        return _response(request, _translated(error))

    @app.exception_handler(CandlewickError)
    async def _ours(connection: HTTPConnection, error: CandlewickError) -> Response | None:
        return await _refused(connection, unavailable(error))


class Unexpected:
    """Middleware that answers an error that nobody expected with a problem.

    A handler of the application would stand around all middleware, and its answer would lack their
    headers: a page of another origin could not read it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and answer if that fails before its answer has begun."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception as error:
            method, path = scope["method"], scope["path"]
            _log.exception("request_failed", "{method} {path}", error, method=method, path=path)
            if begun:  # the server has to cut it off, or a half would pass for the whole
                raise
            broken = Problem(problems.BROKEN, "The error is in the API's log.")
            await problem_response(broken, instance=path)(scope, receive, send)


def invalid(error: ValidationException) -> Problem:
    """Return the problem for a request with invalid fields."""
    errors = tuple(_field_error(each) for each in error.errors())
    return Problem(
        problems.INVALID,
        "; ".join(f"{e.place}: {e.message}" for e in errors)[:_LONGEST_DETAIL],
        members=Members(errors=errors),
    )


def unavailable(error: CandlewickError) -> Problem:
    """Return the problem for a part that does not answer correctly."""
    if isinstance(error, Transient):
        wait = Members(retry_after_s=math.ceil(error.retry_after_s))
        return Problem(problems.UNAVAILABLE, str(error), members=wait)
    _log.error("answer_failed", "{error}", error=error)
    return Problem(problems.UNAVAILABLE, str(error), members=Members(retry_after_s=30))


def _translated(error: HTTPException) -> Problem:
    kind = _KINDS.get(HTTPStatus(error.status_code)) or Kind(
        "invalid-request", error.status_code, problems.INVALID.title, problems.INVALID.remedy
    )
    return Problem(kind, str(error.detail), headers=error.headers)


def _field_error(error: Mapping[str, object]) -> FieldError:
    places = error.get("loc", ())
    path = places if isinstance(places, (tuple, list)) else ()
    return FieldError(
        ".".join(str(part) for part in path), own_words(str(error.get("msg", "not valid")))
    )


async def _refused(connection: HTTPConnection, problem: Problem) -> Response | None:
    if not isinstance(connection, WebSocket):
        return _response(connection, problem)
    code = TRY_LATER if problem.members.retry_after_s else POLICY_VIOLATION
    reason = problem.detail.encode()[:_LONGEST_REASON_BYTES].decode(errors="ignore")
    await connection.close(code, reason)
    return None


def _response(connection: HTTPConnection, problem: Problem) -> Response:
    return problem_response(problem, instance=connection.url.path)
