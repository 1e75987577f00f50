"""`AsyncClient`: the REST API for programs with an event loop."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterable
from contextlib import aclosing
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self

from candlewick.client.rest import calls, prediction_calls
from candlewick.client.rest.answers import error_of, reached, read_answer
from candlewick.client.rest.attempts import Attempts
from candlewick.client.rest.call import AnswerT, Call, Pages, Paging
from candlewick.client.rest.following import Following, Kind, StreamEvent
from candlewick.client.rest.rows import RowT, Token
from candlewick.client.rest.session import (
    LIMIT_S,
    PATIENCE_S,
    STREAM_PATIENCE_S,
    documented,
    open_session,
)
from clients.http import open_http
from clients.limits import answered
from schemas.errors import Transient

P = ParamSpec("P")


def _answer(
    call: Callable[P, Call[AnswerT]],
) -> Callable[Concatenate["AsyncClient", P], Coroutine[Any, Any, AnswerT]]:
    async def method(self: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> AnswerT:
        return await self.ask(call(*args, **kwargs))

    return documented(method, call)


def _rows(
    call: Callable[P, Pages[RowT]],
) -> Callable[Concatenate["AsyncClient", P], AsyncIterator[RowT]]:
    def method(self: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[RowT]:
        return self.follow(call(*args, **kwargs))

    return documented(method, call)


class AsyncClient:
    """Asks the REST API without blocking; use it in an ``async with`` block.

    It has what `Client` has: answers are awaited, and rows and events come by ``async for``.

    Example::

        async with candlewick.AsyncClient("http://127.0.0.1:8000") as api:
            now = await api.prediction("BTCUSDT")
            async for candle in api.candles("BTCUSDT", limit=3):
                print(candle.open_time, candle.close)
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        token: str | None = None,
        tls: ssl.SSLContext | None = None,
        limit_s: float = LIMIT_S,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._session = open_session(url, token, tls, limit_s, patience_s)
        self._http = open_http(limit_s, tls=self._session.tls)

    symbols = _answer(calls.symbols)
    candles = _rows(calls.candles)
    search = _rows(calls.search)
    prediction = _answer(prediction_calls.prediction)
    predictions = _rows(prediction_calls.predictions)
    outcomes = _rows(prediction_calls.outcomes)
    scores = _answer(prediction_calls.scores)
    reliability = _answer(prediction_calls.reliability)
    gaps = _rows(calls.gaps)
    completeness = _answer(calls.completeness)
    health = _answer(calls.health)

    async def sign_in(self, username: str, password: str) -> Token:
        """Get a token, and send it from now on; it is valid for ``expires_in`` seconds."""
        token = await self.ask(calls.token(username, password))
        self._session = self._session.signed_in(token.access_token)
        return token

    def stream(
        self,
        *,
        kinds: Iterable[Kind] = (),
        symbols: Iterable[str] = (),
        last_event_id: str | None = None,
        patience_s: float = STREAM_PATIENCE_S,
    ) -> AsyncIterator[StreamEvent]:
        """Iterate over what happens, as `Client.stream` does."""
        following = Following(kinds, symbols, last_event_id, patience_s)
        return self._listen(following)

    async def ask(self, call: Call[AnswerT]) -> AnswerT:
        """Return the answer to a call; it is tried again as `Client` says."""
        session, attempts = self._session, Attempts(self._session.patience_s)
        while True:
            try:
                return await answered(session.limit_s, session.what, self._once(call))
            except Transient as error:
                pause_s = attempts.pause_s(error)
            await asyncio.sleep(pause_s)

    async def follow(self, pages: Pages[RowT]) -> AsyncIterator[RowT]:
        """Yield the rows of all pages."""
        paging = Paging(pages)
        while (call := paging.next_call()) is not None:
            for row in paging.take(await self.ask(call)):
                yield row

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def _once(self, call: Call[AnswerT]) -> AnswerT:
        with reached(self._session.url):
            response = await self._http.send(self._session.request(self._http, call))
        return read_answer(call, response)

    async def _listen(self, following: Following) -> AsyncIterator[StreamEvent]:
        while True:
            try:
                async with aclosing(self._connection(following)) as chunks:
                    async for chunk in chunks:
                        for event in following.take(chunk):
                            yield event
                pause_s = following.pause_s(following.ended())
            except Transient as error:
                pause_s = following.pause_s(error)
            await asyncio.sleep(pause_s)

    async def _connection(self, following: Following) -> AsyncGenerator[bytes, None]:
        session, request = self._session, self._session.stream_request(self._http, following)
        with reached(session.url):
            response = await answered(
                session.limit_s, session.what, self._http.send(request, stream=True)
            )
            try:
                if not response.is_success:
                    await answered(session.limit_s, session.what, response.aread())
                    raise error_of(response)
                following.connected()
                async for chunk in response.aiter_bytes():
                    yield chunk
            finally:
                await response.aclose()
