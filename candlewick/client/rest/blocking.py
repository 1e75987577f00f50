"""`Client`: the REST API for programs whose calls block."""

import ssl
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from types import TracebackType
from typing import Concatenate, ParamSpec, Self

import httpx

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
from clients.http import open_blocking_http
from clients.limits import within
from schemas.errors import Transient

P = ParamSpec("P")


def _answer(call: Callable[P, Call[AnswerT]]) -> Callable[Concatenate["Client", P], AnswerT]:
    def method(self: "Client", /, *args: P.args, **kwargs: P.kwargs) -> AnswerT:
        return self.ask(call(*args, **kwargs))

    return documented(method, call)


def _rows(call: Callable[P, Pages[RowT]]) -> Callable[Concatenate["Client", P], Iterator[RowT]]:
    def method(self: "Client", /, *args: P.args, **kwargs: P.kwargs) -> Iterator[RowT]:
        return self.follow(call(*args, **kwargs))

    return documented(method, call)


class Client:
    """Asks the REST API; use it in a ``with`` block. Threads may share it.

    Args:
        url: For example ``http://127.0.0.1:8000``, with a path if the API is below one. Default:
            the stack of the working directory or of a folder above it.
        token: Of `sign_in` or ``/v1/token``; market data may mostly be read without.
        tls: Whom to trust; default: those whom the system trusts.
        limit_s: How long one answer may take as a whole, in seconds.
        patience_s: How long a call is tried again while the API does not answer or cannot now; 0
            tries once.

    Each call raises:
        ApiError: The API refused the request.
        ApiUnavailable: It cannot answer now; ``retry_after_s`` says when to ask again.
        Transient: It does not answer.
        ContractMismatch: Its answer is not one of this API.
        ConfigurationError: An argument, the address or the token is wrong.

    Example::

        with candlewick.Client("http://127.0.0.1:8000") as api:
            for candle in api.candles("BTCUSDT", limit=3):
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
        self._http = open_blocking_http(limit_s, tls=self._session.tls)

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

    def sign_in(self, username: str, password: str) -> Token:
        """Get a token, and send it from now on; it is valid for ``expires_in`` seconds."""
        token = self.ask(calls.token(username, password))
        self._session = self._session.signed_in(token.access_token)
        return token

    def stream(
        self,
        *,
        kinds: Iterable[Kind] = (),
        symbols: Iterable[str] = (),
        last_event_id: str | None = None,
        patience_s: float = STREAM_PATIENCE_S,
    ) -> Iterator[StreamEvent]:
        """Iterate over what happens, for ever. A lost connection is opened again where it broke.

        It begins when the first event is asked for, not at this call.

        Args:
            kinds: candle, candle-live, prediction, score, gap; default: all.
            symbols: Only these pairs; default: all.
            last_event_id: The ``id`` of an event: go on after it. Default: begin now.
            patience_s: How long the API may stay away before that is raised.

        Example::

            for event in api.stream(kinds=["candle-live"], symbols=["BTCUSDT"]):
                print(event.id, event.kind, event.data)
                break
        """
        following = Following(kinds, symbols, last_event_id, patience_s)
        return self._listen(following)

    def ask(self, call: Call[AnswerT]) -> AnswerT:
        """Return the answer to a call; it is tried again as the class says."""
        attempts = Attempts(self._session.patience_s)
        while True:
            try:
                return within(self._session.limit_s, self._session.what, lambda: self._once(call))
            except Transient as error:
                pause_s = attempts.pause_s(error)
            time.sleep(pause_s)

    def follow(self, pages: Pages[RowT]) -> Iterator[RowT]:
        """Yield the rows of all pages."""
        paging = Paging(pages)
        while (call := paging.next_call()) is not None:
            yield from paging.take(self.ask(call))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _once(self, call: Call[AnswerT]) -> AnswerT:
        with reached(self._session.url):
            response = self._http.send(self._session.request(self._http, call))
        return read_answer(call, response)

    def _listen(self, following: Following) -> Iterator[StreamEvent]:
        while True:
            try:
                with closing(self._connection(following)) as chunks:
                    for chunk in chunks:
                        yield from following.take(chunk)
                pause_s = following.pause_s(following.ended())
            except Transient as error:
                pause_s = following.pause_s(error)
            time.sleep(pause_s)

    def _connection(self, following: Following) -> Generator[bytes, None, None]:
        session, request = self._session, self._session.stream_request(self._http, following)
        with reached(session.url):
            response = self._opened(request)
            try:
                if not response.is_success:
                    within(session.limit_s, session.what, response.read)
                    raise error_of(response)
                following.connected()
                yield from response.iter_bytes()
            finally:
                response.close()

    def _opened(self, request: httpx.Request) -> httpx.Response:
        given_up = threading.Event()
        late: list[httpx.Response] = []

        def send() -> httpx.Response:
            response = self._http.send(request, stream=True)
            late.append(response)
            if given_up.is_set():
                response.close()
            return response

        try:
            return within(self._session.limit_s, self._session.what, send)
        except BaseException:
            given_up.set()  # from here on the thread closes what comes; this is what has come
            for response in late:
                response.close()
            raise
