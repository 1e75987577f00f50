"""The HTTP application: receives requests, and runs each statement in a worker thread."""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Final

import anyio
from anyio import to_thread
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from candlewick.clickhouse_server.accounts import Account, Accounts
from candlewick.clickhouse_server.body import Body, ClientGoneError
from candlewick.clickhouse_server.codings import decoded
from candlewick.clickhouse_server.errors import REQUIRED_PASSWORD, QueryError
from candlewick.clickhouse_server.execution import Execution
from candlewick.clickhouse_server.form import Form, is_form, read_form
from candlewick.clickhouse_server.frames import unframed
from candlewick.clickhouse_server.request import Asked, read_request
from candlewick.clickhouse_server.response import encoded, encoder_for, headers_of, new_tag
from candlewick.clickhouse_server.running import Answer

_STATEMENTS_AT_ONCE: Final = 100
_SHORT_BYTES: Final = 64 << 10
_KILL_AGAIN_S: Final = 0.2


def build_app(execution: Execution, accounts: Accounts) -> Starlette:
    """Build the application: ``/`` runs statements, ``/ping`` is for health checks."""
    root = Statements(execution, accounts)
    return Starlette(routes=[Route("/ping", _ping), Route("/", root, methods=["GET", "POST"])])


async def _ping(_request: Request) -> Response:
    return PlainTextResponse("Ok.\n")


@dataclass(frozen=True, slots=True)
class Statements:
    """The endpoint that runs statements."""

    execution: Execution
    accounts: Accounts
    threads: anyio.CapacityLimiter = field(
        default_factory=partial(anyio.CapacityLimiter, _STATEMENTS_AT_ONCE)
    )
    kills: anyio.CapacityLimiter = field(default_factory=partial(anyio.CapacityLimiter, 4))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, the statement or a ping."""
        request = Request(scope)
        body = Body(receive)
        if request.method == "GET" and not request.url.query:
            await PlainTextResponse("Ok.\n")(scope, receive, send)
            return
        with suppress(ClientGoneError):
            try:
                account = self.accounts.recognise(request.headers, request.query_params)
                form = await read_form(request, body) if is_form(request) else Form()
                asked = read_request(request, form)
                await body.begin(_SHORT_BYTES)
                await self._answer(request, body, account, asked, send)
            except QueryError as error:
                # A client does not read the answer before it has sent its whole body.
                await body.drain()
                await _error(error)(scope, receive, send)

    async def _answer(
        self, request: Request, body: Body, account: Account, asked: Asked, send: Send
    ) -> None:
        request_id = str(uuid.uuid4())
        text = _text(request, body, asked)

        def start() -> Answer:
            body.refuse_if_left()
            return self.execution.answer(account, asked, text, request_id)

        failure: QueryError | ClientGoneError | None = None
        watch = anyio.CancelScope()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._kill_if_left, body, request_id, watch)
            try:
                await self._run(request, start, asked.query_id or request_id, watch, send)
            except (QueryError, ClientGoneError) as error:
                failure = error
            watch.cancel()
        if failure is not None:
            raise failure

    async def _run(
        self,
        request: Request,
        start: Callable[[], Answer],
        query_id: str,
        watch: anyio.CancelScope,
        send: Send,
    ) -> None:
        began_ns = time.perf_counter_ns()
        answer = await to_thread.run_sync(start, limiter=self.threads)
        try:
            headers = headers_of(answer, query_id, time.perf_counter_ns() - began_ns)
            await self._send(request, answer, headers, watch, send)
        finally:
            await self._let_go(answer)

    async def _send(
        self,
        request: Request,
        answer: Answer,
        extra: dict[str, str],
        watch: anyio.CancelScope,
        send: Send,
    ) -> None:
        encoder, coding = encoder_for(request, answer)
        tag = new_tag()
        pieces = encoded(answer, encoder, tag)
        headers = MutableHeaders({**extra, "X-ClickHouse-Exception-Tag": tag})
        if coding:
            headers["Content-Encoding"] = coding
        if answer.more is None:
            # Not in the event loop: compression of a large body would hold up everybody else.
            whole = await self._joined(pieces) if encoder else answer.body
            headers["Content-Length"] = str(len(whole))
            pieces = iter([whole])
        await send({"type": "http.response.start", "status": 200, "headers": headers.raw})
        try:
            while answer.more is not None and (piece := await self._next(pieces)) is not None:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        except QueryError:
            return  # the client has read why; without the last chunk it knows that rows are missing
        # Release the session first: the client may use it again as soon as the answer ends.
        await self._let_go(answer)
        # After the last byte uvicorn reports a disconnect although the client is still there.
        watch.cancel()
        await send({"type": "http.response.body", "body": next(pieces, b"")})

    async def _let_go(self, answer: Answer) -> None:
        if answer.more is None:
            return  # its resources are closed already
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(answer.resources.close, limiter=self.kills)

    async def _joined(self, pieces: Iterator[bytes]) -> bytes:
        return await to_thread.run_sync(b"".join, pieces, limiter=self.threads)

    async def _next(self, pieces: Iterator[bytes]) -> bytes | None:
        return await to_thread.run_sync(next, pieces, None, limiter=self.threads)

    async def _kill_if_left(self, body: Body, request_id: str, watch: anyio.CancelScope) -> None:
        with watch:
            await body.client_leaves()
            # Again and again: the engine may not know the statement yet.
            while True:
                await to_thread.run_sync(self.execution.engine.kill, request_id, limiter=self.kills)
                await anyio.sleep(_KILL_AGAIN_S)


def _text(request: Request, body: Body, asked: Asked) -> Iterator[bytes]:
    """Yield the statement and its rows: first the part in the URL or a form, then the body."""
    pieces = decoded(body.pieces(), request.headers.get("content-encoding", ""))
    if asked.frames_in:
        pieces = unframed(pieces)
    return chain([asked.query.encode() + b"\n"], pieces) if asked.query else pieces


def _error(error: QueryError) -> Response:
    headers = {"X-ClickHouse-Exception-Code": str(error.code)}
    if error.code == REQUIRED_PASSWORD:
        headers["WWW-Authenticate"] = 'Basic realm="ClickHouse server HTTP API"'
    return PlainTextResponse(error.message + "\n", error.status, headers)
