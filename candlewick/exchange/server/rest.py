"""The REST paths of market data, `/api/v3/...`, read only."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from candlewick.exchange.faults.active import UNLISTED, ActiveFaults
from candlewick.exchange.faults.klines import changed_by
from candlewick.exchange.faults.rest import dripping, failure
from candlewick.exchange.faults.untimely import last_ahead
from candlewick.exchange.market.clock import MarketClock
from candlewick.exchange.market.coins import exchange_info
from candlewick.exchange.market.intervals import INTERVALS
from candlewick.exchange.market.source import Market, Source
from candlewick.exchange.server.archive_folder import ArchiveFolder
from candlewick.exchange.server.errors import ApiError, combination
from candlewick.exchange.server.exchange_info import symbol_entries
from candlewick.exchange.server.history import agg_trades, kline_page, next_agg_id
from candlewick.exchange.server.kline_files import KlineFiles, given_page
from candlewick.exchange.server.limits import Limits
from candlewick.exchange.server.query_params import (
    checked,
    interval_of,
    range_of,
    same_grid,
    whole,
)
from candlewick.exchange.streams.feed import EVENT_DELAY_MS
from candlewick.exchange.streams.payloads import agg_trade_rows, kline_rows
from candlewick.exchange.streams.tickers import day_ticker

_WEIGHTS: Final = {
    "ping": 1,
    "time": 1,
    "exchangeInfo": 20,
    "ticker/24hr": 80,
    "klines": 2,
    "aggTrades": 4,
}
_HOUR_MS: Final = 3_600_000
_RANGE: Final = ("symbol", "startTime", "endTime", "limit")

Answer = Callable[[Request], Awaitable[str]]


class Rest:
    """Answers requests with the market's data at the market's time."""

    def __init__(
        self,
        clock: MarketClock,
        market: Market,
        limits: Limits,
        arsenal: ActiveFaults,
        *,
        given: KlineFiles,
        folder: ArchiveFolder,
    ) -> None:
        self._clock = clock
        self._market = market
        self._limits = limits
        self._arsenal = arsenal
        self._given = given
        self._folder = folder

    def routes(self) -> list[Route]:
        """Return the paths, each with its weight."""
        answers: dict[str, Answer] = {
            "ping": self._ping,
            "time": self._time,
            "exchangeInfo": self._exchange_info,
            "ticker/24hr": self._ticker,
            "klines": self._klines,
            "aggTrades": self._agg_trades,
        }
        return [
            Route(f"/api/v3/{name}", self._weighted(_WEIGHTS[name], answer))
            for name, answer in answers.items()
        ]

    def _weighted(self, weight: int, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            address = request.client.host if request.client else ""
            try:
                self._limits.charge(address, weight, time.time())
                await asyncio.sleep(self._arsenal.rest_delay_s(request.url.path, self._now()))
                fault = self._arsenal.rest_error(request.url.path, self._now())
                if fault is not None:
                    return failure(fault, self._used(address))
                reply = self._reply(address, await answer(request))
                drip_s = self._arsenal.rest_drip_s(request.url.path, self._now())
                return dripping(reply, drip_s) if drip_s else reply
            except ApiError as error:
                body = orjson.dumps({"code": error.code, "msg": str(error)}).decode()
                reply = self._reply(address, body, error.status)
                if error.retry_after_s is not None:
                    reply.headers["Retry-After"] = str(error.retry_after_s)
                return reply

        return endpoint

    def _reply(self, address: str, body: str, status: int = 200) -> Response:
        return Response(body, status, self._used(address), "application/json;charset=UTF-8")

    def _used(self, address: str) -> dict[str, str]:
        used = str(self._limits.used(address))
        return {"X-MBX-USED-WEIGHT": used, "X-MBX-USED-WEIGHT-1M": used}

    async def _ping(self, request: Request) -> str:
        checked(request.query_params, ())
        return "{}"

    async def _time(self, request: Request) -> str:
        checked(request.query_params, ())
        return f'{{"serverTime":{self._clock.now_ms()}}}'

    async def _exchange_info(self, request: Request) -> str:
        query = request.query_params
        checked(query, ("symbol", "symbols", "permissions", "showPermissionSets", "symbolStatus"))
        limit = {"interval": "MINUTE", "intervalNum": 1, "limit": self._limits.rules.weight}
        attempts = {"interval": "MINUTE", "intervalNum": 5, "limit": 61_000}
        rate_limits = [
            {"rateLimitType": "REQUEST_WEIGHT"} | limit,
            {"rateLimitType": "RAW_REQUESTS"} | attempts,
        ]
        info = {
            "timezone": exchange_info()["timezone"],
            "serverTime": self._clock.now_ms(),
            "rateLimits": rate_limits,
            "exchangeFilters": exchange_info()["exchangeFilters"],
            "symbols": symbol_entries(
                query, self._market, lambda name: self._arsenal.status(name, self._now())
            ),
        }
        return orjson.dumps(info).decode()

    async def _klines(self, request: Request) -> str:
        query = request.query_params
        checked(query, (*_RANGE, "interval", "timeZone"))
        wanted = range_of(query, self._listed())
        interval = interval_of(query)
        length = INTERVALS[interval]
        same_grid(query, length)
        source = self._market[wanted.symbol]
        visible_ms = self._visible_ms()
        given = self._given.get((wanted.symbol, interval))
        if self._folder.covers(wanted.symbol, interval):
            rows = await asyncio.to_thread(
                self._folder.page, interval, wanted, length, visible_ms=visible_ms
            )
        elif given is not None:
            rows = given_page(given, wanted, length, visible_ms=visible_ms)
        else:  # in a thread, as a page may span years and must not hold up the streams
            rows = await asyncio.to_thread(
                kline_page, source, wanted, length, visible_ms=visible_ms
            )
        rows = rows.outside(self._arsenal.stops(wanted.symbol), length)
        faults = self._arsenal.kline_faults(wanted.symbol, interval, "rest", self._now())
        return kline_rows(changed_by(faults, length, now_ms=visible_ms)(rows), length)

    async def _ticker(self, request: Request) -> str:
        checked(request.query_params, ("type", "symbolStatus"))
        listed = [s for s in self._market if self._arsenal.status(s, self._now()) != UNLISTED]
        visible_ms = self._visible_ms()
        rows = await asyncio.to_thread(
            lambda: [day_ticker(s, self._market[s], visible_ms=visible_ms) for s in listed]
        )
        return orjson.dumps(rows).decode()

    async def _agg_trades(self, request: Request) -> str:
        query = request.query_params
        checked(query, (*_RANGE, "fromId"))
        wanted = range_of(query, self._listed())
        from_id = whole(query, "fromId")
        if from_id is not None and (wanted.start_ms is not None or wanted.end_ms is not None):
            raise combination()
        source = self._market[wanted.symbol]
        is_open = wanted.start_ms is not None and wanted.end_ms is None
        if is_open and self._arsenal.looks_an_hour(self._now()):
            wanted = replace(wanted, end_ms=(wanted.start_ms or 0) + _HOUR_MS)
        parts = agg_trades(source, wanted, from_id, self._head(source))
        body = f"[{','.join(agg_trade_rows(part) for part in parts)}]"
        fault = self._arsenal.rest_ahead(self._now())
        return body if fault is None else last_ahead(body, fault)

    def _listed(self) -> frozenset[str]:
        now_ms = self._now()
        return frozenset(s for s in self._market if self._arsenal.status(s, now_ms) != UNLISTED)

    def _visible_ms(self) -> int:
        return self._now() - EVENT_DELAY_MS - self._arsenal.lag(self._now())[0]

    def _head(self, source: Source) -> int:
        lag_ids = self._arsenal.lag(self._now())[1]
        return max(next_agg_id(source, self._visible_ms() + 1) - lag_ids, 0)

    def _now(self) -> int:
        return self._clock.now_ms()
