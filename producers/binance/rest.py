"""The exchange's REST answers, one request at a time; who asks decides when to ask again."""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import httpx
import orjson

from producers.binance import parse
from producers.binance.budget import Budget
from producers.clock import steady_ms
from schemas.errors import ConfigurationError, PoisonMessage, Transient
from schemas.market import Candle, Trade
from schemas.timeframe import Interval

ValueT = TypeVar("ValueT")
PAGE: Final = 1000
TIMEOUT_S: Final = 10.0
WEIGHTS: Final = {"aggTrades": 4, "klines": 2, "exchangeInfo": 20, "time": 1}
USED_WEIGHT: Final = "X-MBX-USED-WEIGHT-1M"
BACK_OFF: Final = (418, 429)
INVALID_SYMBOL: Final = -1121
BACK_OFF_S: Final = 60.0  # where the exchange names no time


class RestClient:
    """Public market data over REST.

    Every method raises `Transient` when the exchange cannot answer now (an outage, a limit, an
    unreadable answer) and `ConfigurationError` when it never will.

    Source: binance-spot-api-docs, rest-api.md, "General API information", "Market data endpoints".
    """

    def __init__(self, base_url: str, http: httpx.AsyncClient | None = None) -> None:
        self._url = base_url.rstrip("/")
        self._http = http or httpx.AsyncClient(timeout=TIMEOUT_S)
        self.budget = Budget()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def server_ms(self) -> int:
        """Return the exchange's clock, UTC epoch milliseconds."""
        return _read(parse.parse_server_ms, await self._get("time"))

    async def learn_limits(self, symbols: Sequence[str]) -> None:
        """Check that the exchange knows the symbols, and learn how much may be asked."""
        quoted = orjson.dumps(list(symbols)).decode()
        try:
            answer = await self._get("exchangeInfo", symbols=quoted)
        except ConfigurationError:
            for symbol in symbols:
                await self._get("exchangeInfo", symbol=symbol)
            raise
        self.budget.limit = _read(parse.parse_weight_limit, answer)

    async def trades_from(self, symbol: str, agg_id: int) -> list[Trade]:
        """Return up to 1000 trades from an id on; none while REST lags behind it."""
        return await self._trades(symbol, fromId=agg_id, limit=PAGE)

    async def first_trade_since(self, symbol: str, event_ms: int) -> Trade | None:
        """Return the first trade at or after a time, or None."""
        return next(iter(await self._trades(symbol, startTime=event_ms, limit=1)), None)

    async def newest_trade(self, symbol: str) -> Trade | None:
        """Return the newest trade that REST has, or None where there never was one."""
        return next(iter(await self._trades(symbol, limit=1)), None)

    async def candles_since(self, symbol: str, interval: Interval, open_ms: int) -> list[Candle]:
        """Return closed candles from an opening time on, at most 999, oldest first.

        A candle counts as closed when a newer one is there: then REST is not behind its end.
        """
        answer = await self._get(
            "klines", symbol=symbol, interval=interval.value, startTime=open_ms, limit=PAGE
        )
        return _read(lambda raw: parse.parse_klines(raw, symbol, interval), answer)[:-1]

    async def candles_between(
        self, symbol: str, interval: Interval, start_ms: int, end_ms: int, *, limit: int = PAGE
    ) -> list[Candle]:
        """Return up to 1000 candles that open in ``[start_ms, end_ms)``; the last may be open."""
        answer = await self._get(
            "klines",
            symbol=symbol,
            interval=interval.value,
            startTime=start_ms,
            endTime=end_ms - 1,
            limit=limit,
        )
        return _read(lambda raw: parse.parse_klines(raw, symbol, interval), answer)

    async def _trades(self, symbol: str, **query: int) -> list[Trade]:
        answer = await self._get("aggTrades", symbol=symbol, **query)
        return _read(lambda raw: parse.parse_agg_trades(raw, symbol), answer)

    async def _get(self, name: str, **query: str | int) -> bytes:
        wait_ms = self.budget.wait_ms(WEIGHTS[name], steady_ms())
        if wait_ms:
            raise Transient("the exchange's request limit is used up", retry_after_s=wait_ms / 1000)
        try:
            answer = await self._http.get(f"{self._url}/api/v3/{name}", params=query)
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise Transient(f"{self._url} does not answer: {error!r}") from error
        self._note_used(answer)
        if answer.status_code != httpx.codes.OK:
            raise self._refusal(answer, query)
        return answer.content

    def _note_used(self, answer: httpx.Response) -> None:
        used = answer.headers.get(USED_WEIGHT, "")
        if used.isdecimal():
            self.budget.note_used(int(used), steady_ms())

    def _refusal(
        self, answer: httpx.Response, query: dict[str, str | int]
    ) -> Transient | ConfigurationError:
        if answer.status_code in BACK_OFF:
            retry_after_s = _seconds(answer.headers.get("Retry-After", ""))
            self.budget.close(int(retry_after_s * 1000), steady_ms())
            return Transient("the exchange asks to wait", retry_after_s=retry_after_s)
        if parse.parse_error_code(answer.content) == INVALID_SYMBOL:
            name = query.get("symbol", query.get("symbols"))
            return ConfigurationError(
                f"the exchange does not know {name}: correct CANDLEWICK_SYMBOLS"
            )
        return Transient(f"{self._url} answered {answer.status_code}: {answer.text[:200]}")


def _read(parser: Callable[[bytes], ValueT], answer: bytes) -> ValueT:
    try:
        return parser(answer)
    except PoisonMessage as error:
        raise Transient(str(error)) from error


def _seconds(text: str) -> float:
    return float(text) if text.isdecimal() else BACK_OFF_S
