"""Faulty answers of REST paths: errors, and answers sent byte by byte."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
from typing import Final

from starlette.responses import Response, StreamingResponse

from candlewick.exchange.faults.faults import RestError

_CODES: Final = {
    HTTPStatus.TOO_MANY_REQUESTS: (-1003, "Too many requests."),
    HTTPStatus.IM_A_TEAPOT: (-1003, "Way too many requests; IP banned."),
    HTTPStatus.INTERNAL_SERVER_ERROR: (-1000, "An unknown error occurred."),
    HTTPStatus.SERVICE_UNAVAILABLE: (-1008, "Server is currently overloaded."),
}
_WITH_RETRY: Final = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.IM_A_TEAPOT}


def failure(fault: RestError, headers: Mapping[str, str]) -> Response:
    """Return the error answer to a request that a fault hits.

    The exchange itself answers with a code in JSON; balancers and firewalls in front of it answer
    in HTML.
    """
    shown = dict(headers)
    if fault.status in _WITH_RETRY:
        shown["Retry-After"] = str(fault.retry_after_s)
    if fault.status in _CODES:
        code, text = _CODES[HTTPStatus(fault.status)]
        body = f'{{"code":{code},"msg":"{text}"}}'
        return Response(body, fault.status, shown, "application/json;charset=UTF-8")
    body = f"<html><body><h1>{fault.status}</h1></body></html>"
    return Response(body, fault.status, shown, "text/html")


def dripping(answer: Response, every_s: float) -> Response:
    """Return the answer as a stream that sends one byte every `every_s` seconds."""
    body = bytes(answer.body)

    async def drops() -> AsyncIterator[bytes]:
        for at in range(len(body)):
            yield body[at : at + 1]
            await asyncio.sleep(every_s)

    headers = {k: v for k, v in answer.headers.items() if k != "content-length"}
    return StreamingResponse(drops(), answer.status_code, headers)
