"""REST client of the exchange: one request a call; the caller decides when to retry."""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import httpx
import orjson

from clients.clock import steady_ms, wall_ms
from clients.http import open_http
from clients.limits import answered
from clients.retry_after import told_wait_s, until
from clients.watching.log import EventLog
from producers.binance import parse
from producers.binance.exchange_info import (
    SymbolInfo,
    groups_of,
    parse_exchange_info,
    parse_quote_volumes,
)
from producers.binance.firewall import Firewall
from producers.binance.rate_limit import Budget
from schemas.errors import ConfigurationError, PoisonMessage, Transient
from schemas.market import Candle, Trade
from schemas.timeframe import Interval

_log = EventLog(__name__)
ValueT = TypeVar("ValueT")
PAGE: Final = 1000
TIMEOUT_S: Final = 10.0  # between two bytes
REQUEST_S: Final = 20.0  # of a whole request: an answer may drip
WEIGHTS: Final = {"aggTrades": 4, "klines": 2, "exchangeInfo": 20, "time": 1, "ticker/24hr": 80}
MOST_GROUPS: Final = 2  # of names, each a request: the list of all symbols costs one
USED_WEIGHT: Final = "X-MBX-USED-WEIGHT-1M"
BACK_OFF: Final = (418, 429)
INVALID_SYMBOL: Final = -1121
ILLEGAL_CHARACTERS: Final = -1100  # what it says to a name that no symbol can have
CLOSED: Final = 500  # from this status on, the fault is the exchange's


class RestClient:
    """Public market data over REST.

    Every method raises `Transient` when the exchange cannot answer now (an outage, a limit, an
    unreadable answer) and `ConfigurationError` when it never will.

    Attributes:
        closed: Paths whose newest request failed (no answer, a firewall's, 418, 429, 5xx, or the
            limit used up): missing data then does not mean that the exchange has none.
        refuse: Called with each unusable row of trades and of the newest candles; if None, one
            such row makes the answer unreadable.

    Source: binance-spot-api-docs, rest-api.md, "General API information", "Market data endpoints".
    """

    def __init__(
        self,
        base_url: str,
        http: httpx.AsyncClient | None = None,
        *,
        limit_s: float = REQUEST_S,
    ) -> None:
        """Set up the client.

        Args:
            base_url: For example ``https://api.binance.com``.
            http: The HTTP client to use; a new one if None.
            limit_s: Time limit of a whole request, in seconds.
        """
        self._url = base_url.rstrip("/")
        self._http = http or open_http(TIMEOUT_S)
        self.refuse: Callable[[PoisonMessage], None] | None = None
        self._limit_s = limit_s
        self.budget = Budget()
        self._firewall = Firewall(self._url)
        self.closed: set[str] = set()

    @property
    def address(self) -> str:
        """Return the base URL, without a slash at the end."""
        return self._url

    async def close(self) -> None:
        """Close the HTTP connections."""
        await self._http.aclose()

    async def server_ms(self) -> int:
        """Fetch the time of the exchange's clock, UTC epoch milliseconds."""
        return _read(parse.parse_server_ms, await self._get("time"))

    async def symbols(self, names: Sequence[str]) -> dict[str, SymbolInfo]:
        """Fetch what the exchange says of these symbols, and its request limit.

        Symbols that it does not know are not in the answer. One of them makes the exchange refuse
        its whole group: then the list of all symbols is asked for, once.
        """
        groups = list(groups_of(names))
        if len(groups) > MOST_GROUPS:
            return await self._of_all(names)
        found: dict[str, SymbolInfo] = {}
        for group in groups:
            try:
                found |= await self._info(symbols=orjson.dumps(group).decode())
            except ConfigurationError:
                return await self._of_all(names)
        return found

    async def all_symbols(self) -> dict[str, SymbolInfo]:
        """Fetch what the exchange says of all its symbols, and its request limit."""
        return await self._info(showPermissionSets="false")

    async def quote_volumes(self) -> dict[str, float]:
        """Fetch the volume of the last 24 hours of all symbols, each in its quote asset."""
        answer = await self._get("ticker/24hr", type="MINI")
        return _read(parse_quote_volumes, answer)

    async def learn_limits(self, symbols: Sequence[str]) -> None:
        """Check that the exchange knows the symbols, and fetch its request limit.

        Raises as every method; `ConfigurationError` names all symbols that it does not know.
        """
        unknown = set(symbols) - set(await self.symbols(symbols))
        if unknown:
            raise ConfigurationError(
                f"the exchange does not know {', '.join(sorted(unknown))}: "
                "correct CANDLEWICK_SYMBOLS"
            )

    async def trades_from(self, symbol: str, agg_id: int) -> list[Trade]:
        """Fetch up to 1000 trades from an id on; none while REST lags behind that id."""
        return await self._trades(symbol, fromId=agg_id, limit=PAGE)

    async def first_trade_since(self, symbol: str, event_ms: int) -> Trade | None:
        """Fetch the first trade at or after a time; None if there is none.

        Whether an answer by ``startTime`` alone looks further than an hour is not documented. So
        an empty one proves nothing: the newest trade tells, and ids, whose order is documented.
        """
        found = await self._trades(symbol, startTime=event_ms, limit=1)
        if found:
            return found[0]
        newest = await self.newest_trade(symbol)
        if newest is None or newest.event_ms < event_ms:
            return None
        return await self._first_by_id(symbol, event_ms, newest)

    async def newest_trade(self, symbol: str) -> Trade | None:
        """Fetch the newest trade that REST has; None if there has never been one."""
        return next(iter(await self._trades(symbol, limit=1)), None)

    async def newest_trades(self, symbol: str, count: int) -> list[Trade]:
        """Fetch the newest trades that REST has, oldest first."""
        return await self._trades(symbol, limit=count)

    async def candles_since(self, symbol: str, interval: Interval, open_ms: int) -> list[Candle]:
        """Fetch closed candles from an opening time on, at most 999, oldest first.

        A candle counts as closed once REST has a newer one: REST is then past its end.
        """
        answer = await self._get(
            "klines", symbol=symbol, interval=interval.value, startTime=open_ms, limit=PAGE
        )
        rows = _read(lambda raw: parse.parse_klines(raw, symbol, interval, self.refuse), answer)
        return rows[:-1]

    async def candles_between(
        self,
        symbol: str,
        interval: Interval,
        start_ms: int,
        end_ms: int,
        *,
        limit: int = PAGE,
        refuse: Callable[[PoisonMessage], None] | None = None,
    ) -> list[Candle]:
        """Fetch up to 1000 candles that open in ``[start_ms, end_ms)``; the last may be open.

        ``refuse`` is called with each unusable row; if None, one such row makes the answer
        unreadable.
        """
        answer = await self._get(
            "klines",
            symbol=symbol,
            interval=interval.value,
            startTime=start_ms,
            endTime=end_ms - 1,
            limit=limit,
        )
        return _read(lambda raw: parse.parse_klines(raw, symbol, interval, refuse), answer)

    async def _first_by_id(self, symbol: str, event_ms: int, first: Trade) -> Trade:
        """Search by halves for the first trade at or after a time; ``first`` is one of them."""
        low_id, end_id = 0, first.agg_id  # what is below is earlier, what is from there on is not
        while low_id < end_id:
            middle_id = (low_id + end_id) // 2
            (trade, *_) = await self._trades(symbol, fromId=middle_id, limit=1) or [first]
            if trade.event_ms < event_ms:
                low_id = trade.agg_id + 1
            else:
                first, end_id = trade, middle_id
        return first

    async def _of_all(self, names: Sequence[str]) -> dict[str, SymbolInfo]:
        known = await self.all_symbols()
        return {name: known[name] for name in names if name in known}

    async def _info(self, **query: str) -> dict[str, SymbolInfo]:
        info = _read(parse_exchange_info, await self._get("exchangeInfo", **query))
        self.budget.limit = info.weight_limit
        return dict(info.symbols)

    async def _trades(self, symbol: str, **query: int) -> list[Trade]:
        answer = await self._get("aggTrades", symbol=symbol, **query)
        return _read(lambda raw: parse.parse_agg_trades(raw, symbol, self.refuse), answer)

    async def _get(self, name: str, **query: str | int) -> bytes:
        wait_ms = self.budget.wait_ms(WEIGHTS[name], steady_ms())
        if wait_ms:
            self.closed.add(name)
            raise Transient("the exchange's request limit is used up", retry_after_s=wait_ms / 1000)
        asked = self._http.get(f"{self._url}/api/v3/{name}", params=query)
        try:
            answer = await answered(self._limit_s, f"{self._url} ({name})", asked)
        except (httpx.RequestError, httpx.InvalidURL, Transient) as error:
            self.closed.add(name)
            raise _unanswered(self._url, error) from error
        self._note_used(answer)
        wall = self._firewall.judge(answer.status_code, answer.content)
        if wall is not None or _is_closing(answer.status_code):
            self.closed.add(name)
        else:
            self.closed.discard(name)
        if wall is not None:
            self.budget.close(int(wall.retry_after_s * 1000), steady_ms())
            raise wall
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
            wait_s = told_wait_s(answer.status_code, answer.headers.get("Retry-After", ""))
            self.budget.close(int(wait_s * 1000), steady_ms())
            when = f"{wait_s:.0f} s, until {until(wait_s, wall_ms())}"
            _log.warning(
                "exchange_asks_to_wait",
                "the exchange ({status}) asks to wait {until}",
                status=answer.status_code,
                until=when,
            )
            return Transient(f"the exchange asks to wait {when}", retry_after_s=wait_s)
        code = parse.parse_error_code(answer.content)
        if "symbols" in query and code in {INVALID_SYMBOL, ILLEGAL_CHARACTERS}:
            # One of many, which the caller finds.
            return ConfigurationError("the exchange does not know all of these symbols")
        if code == INVALID_SYMBOL:
            # A symbol may leave at any time; the list of followed symbols says so a minute later.
            return Transient(f"the exchange does not know {query.get('symbol')} now")
        return Transient(f"{self._url} answered {answer.status_code}: {answer.text[:200]}")


def _read(parser: Callable[[bytes], ValueT], answer: bytes) -> ValueT:
    try:
        return parser(answer)
    except PoisonMessage as error:
        raise Transient(str(error)) from error


def _unanswered(url: str, error: Exception) -> Transient:
    return error if isinstance(error, Transient) else Transient(f"{url} does not answer: {error!r}")


def _is_closing(status: int) -> bool:
    return status in BACK_OFF or status >= CLOSED
