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

from candlewick.exchange.faults.klines import changed_by
from candlewick.exchange.faults.rest import dripping, failure
from candlewick.exchange.faults.untimely import last_ahead
from candlewick.exchange.market.coins import exchange_info
from candlewick.exchange.market.columns import Candles
from candlewick.exchange.market.intervals import INTERVALS, Interval
from candlewick.exchange.server.answered import ANSWERED, Answered
from candlewick.exchange.server.archive_folder import ArchiveFolder
from candlewick.exchange.server.errors import JSON, ApiError, combination
from candlewick.exchange.server.exchange_info import symbol_entries
from candlewick.exchange.server.history import agg_trades, kline_page, page_outside
from candlewick.exchange.server.kline_files import KlineFiles, given_page
from candlewick.exchange.server.latest import Latest
from candlewick.exchange.server.limits import Limits
from candlewick.exchange.server.query_params import (
    Range,
    checked,
    interval_of,
    range_of,
    same_grid,
    whole,
)
from candlewick.exchange.server.view import View
from candlewick.exchange.server.working import CLOSED, ClientLeft, unless_left
from candlewick.exchange.streams.payloads import agg_trade_rows, kline_rows

_HOUR_MS: Final = 3_600_000

Answer = Callable[[Request], Awaitable[str]]


class Rest:
    """Answers requests with the market's data at the market's time."""

    def __init__(
        self, view: View, limits: Limits, *, given: KlineFiles, folder: ArchiveFolder
    ) -> None:
        self._view = view
        self._arsenal = view.arsenal
        self._limits = limits
        self._given = given
        self._folder = folder

    def routes(self) -> list[Route]:
        """Return the paths of `ANSWERED`."""
        latest = Latest(self._view)
        answers: dict[str, Answer] = {
            "ping": self._ping,
            "time": self._time,
            "exchangeInfo": self._exchange_info,
            "klines": self._klines,
            "aggTrades": self._agg_trades,
            "trades": latest.trades,
            "historicalTrades": latest.trades,
            "ticker/price": latest.price,
            "ticker/bookTicker": latest.book,
            "ticker/24hr": latest.day,
        }
        return [
            Route(f"/api/v3/{path.name}", self._weighted(path, answers[path.name]))
            for path in ANSWERED.values()
        ]

    def _weighted(self, path: Answered, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            address = request.client.host if request.client else ""
            try:
                weight = path.weight.of(request.query_params)
                self._limits.charge(address, weight, time.time())
                await asyncio.sleep(self._arsenal.rest_delay_s(request.url.path, self._now()))
                fault = self._arsenal.rest_error(request.url.path, self._now())
                if fault is not None:
                    return failure(fault, self._used(address))
                checked(request.query_params, path.parameters)
                reply = self._reply(address, await answer(request))
                drip_s = self._arsenal.rest_drip_s(request.url.path, self._now())
                return dripping(reply, drip_s) if drip_s else reply
            except ClientLeft:
                return Response(status_code=CLOSED)
            except ApiError as error:
                reply = self._reply(address, error.body, error.status)
                if error.retry_after_s is not None:
                    reply.headers["Retry-After"] = str(error.retry_after_s)
                return reply

        return endpoint

    def _reply(self, address: str, body: str, status: int = 200) -> Response:
        return Response(body, status, self._used(address), JSON)

    def _used(self, address: str) -> dict[str, str]:
        used = str(self._limits.used(address))
        return {"X-MBX-USED-WEIGHT": used, "X-MBX-USED-WEIGHT-1M": used}

    async def _ping(self, _: Request) -> str:
        return "{}"

    async def _time(self, _: Request) -> str:
        return f'{{"serverTime":{self._now()}}}'

    async def _exchange_info(self, request: Request) -> str:
        limit = {"interval": "MINUTE", "intervalNum": 1, "limit": self._limits.rules.weight}
        attempts = {"interval": "MINUTE", "intervalNum": 5, "limit": 61_000}
        rate_limits = [
            {"rateLimitType": "REQUEST_WEIGHT"} | limit,
            {"rateLimitType": "RAW_REQUESTS"} | attempts,
        ]
        info = {
            "timezone": exchange_info()["timezone"],
            "serverTime": self._now(),
            "rateLimits": rate_limits,
            "exchangeFilters": exchange_info()["exchangeFilters"],
            "symbols": symbol_entries(
                request.query_params, self._view.market, self._view.statuses()
            ),
        }
        return orjson.dumps(info).decode()

    async def _klines(self, request: Request) -> str:
        query = request.query_params
        wanted = range_of(query, frozenset(self._view.statuses()))
        name = interval_of(query)
        interval = INTERVALS[name]
        same_grid(query, interval)
        visible_ms = self._view.visible_ms()
        stops = self._arsenal.stops(wanted.symbol)

        def made(go_on: Callable[[], None]) -> Candles:
            def page(part: Range) -> Candles:
                return self._page(part, interval, visible_ms, go_on)

            return page_outside(page, wanted, interval, stops)

        rows = await unless_left(request, made)
        faults = self._arsenal.kline_faults(wanted.symbol, name, "rest", self._now())
        return kline_rows(changed_by(faults, interval, now_ms=visible_ms)(rows), interval)

    def _page(
        self, wanted: Range, interval: Interval, visible_ms: int, go_on: Callable[[], None]
    ) -> Candles:
        if self._folder.covers(wanted.symbol, interval.name):
            return self._folder.page(interval, wanted, visible_ms=visible_ms)
        given = self._given.get((wanted.symbol, interval.name))
        if given is not None:
            return given_page(given, wanted, interval, visible_ms=visible_ms)
        source = self._view.market[wanted.symbol]
        return kline_page(source, wanted, interval, visible_ms=visible_ms, go_on=go_on)

    async def _agg_trades(self, request: Request) -> str:
        query = request.query_params
        wanted = range_of(query, frozenset(self._view.statuses()))
        from_id = whole(query, "fromId")
        if from_id is not None and (wanted.start_ms is not None or wanted.end_ms is not None):
            raise combination()
        source = self._view.market[wanted.symbol]
        is_open = wanted.start_ms is not None and wanted.end_ms is None
        if is_open and self._arsenal.looks_an_hour(self._now()):
            wanted = replace(wanted, end_ms=(wanted.start_ms or 0) + _HOUR_MS)
        parts = agg_trades(source, wanted, from_id, self._view.head(source))
        body = f"[{','.join(agg_trade_rows(part) for part in parts)}]"
        fault = self._arsenal.rest_ahead(self._now()) if any(parts) else None
        return body if fault is None else last_ahead(body, fault)

    def _now(self) -> int:
        return self._view.now_ms()
