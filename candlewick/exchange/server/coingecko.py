"""CoinGecko's paths: recorded answers, updated to the market's time and prices.

Source: CoinGecko API, ``GET /coins/markets`` and ``GET /coins/{id}/market_chart``.
"""

import asyncio
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from candlewick.exchange.faults.active import ActiveFaults
from candlewick.exchange.faults.rest import dripping, failure
from candlewick.exchange.market.clock import MarketClock
from candlewick.exchange.market.coins import E8
from candlewick.exchange.market.intervals import DAY_MINUTES, DAY_MS, MINUTE_MS
from candlewick.exchange.market.source import Market, Source

_SYMBOLS: Final[Mapping[str, str]] = {
    "bitcoin": "BTCUSDT",
    "ethereum": "ETHUSDT",
    "binancecoin": "BNBUSDT",
    "solana": "SOLUSDT",
    "ripple": "XRPUSDT",
    "cardano": "ADAUSDT",
    "dogecoin": "DOGEUSDT",
    "polkadot": "DOTUSDT",
    "litecoin": "LTCUSDT",
    "usd-coin": "USDCUSDT",
}
_MOST_DAYS: Final = 365
_NUMBER: Final = re.compile("[0-9]{1,9}")


class CoinGecko:
    """Answers requests about coins that were recorded and that the market trades."""

    def __init__(self, clock: MarketClock, market: Market, arsenal: ActiveFaults) -> None:
        self._clock = clock
        self._market = market
        self._arsenal = arsenal

    def routes(self) -> list[Route]:
        """Return the paths."""
        return [
            Route("/api/v3/coins/markets", self._markets),
            Route("/api/v3/coins/{coin}/market_chart", self._chart),
        ]

    async def _markets(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        ids = [name for name in request.query_params.get("ids", "").split(",") if name]
        rows = [self._row(recorded) for recorded in _recorded() if self._is_asked(recorded, ids)]
        ranked = sorted(rows, key=lambda row: -row["market_cap"])
        shown = [row | {"market_cap_rank": rank} for rank, row in enumerate(ranked, 1)]
        return self._reply(request, shown)

    async def _chart(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        coin = request.path_params["coin"]
        recorded = next((row for row in _recorded() if self._is_asked(row, [coin])), None)
        if recorded is None:
            return Response('{"error":"coin not found"}', 404, media_type="application/json")
        days = _days(request.query_params.get("days", "1"))
        if days is None:
            return Response(
                '{"error":"days is a number, or max"}', 422, media_type="application/json"
            )
        chart = await asyncio.to_thread(self._daily, recorded, days)
        return self._reply(request, chart)

    def _reply(self, request: Request, shown: object) -> Response:
        answer = Response(orjson.dumps(shown), media_type="application/json")
        every_s = self._arsenal.rest_drip_s(request.url.path, self._clock.now_ms())
        return dripping(answer, every_s) if every_s else answer

    def _refused(self, request: Request) -> Response | None:
        fault = self._arsenal.rest_error(request.url.path, self._clock.now_ms())
        return None if fault is None else failure(fault, {})

    def _is_asked(self, recorded: Mapping[str, Any], ids: list[str]) -> bool:
        coin = recorded["id"]
        return _SYMBOLS[coin] in self._market and (not ids or coin in ids)

    def _row(self, recorded: Mapping[str, Any]) -> dict[str, Any]:
        now_ms = self._clock.now_ms()
        source = self._market[_SYMBOLS[recorded["id"]]]
        price, before = _price(source, now_ms), _price(source, now_ms - DAY_MS)
        change = round(100 * (price / before - 1), 5)
        supply, most = recorded["circulating_supply"], recorded["max_supply"]
        high = max(recorded["ath"], price)
        return dict(recorded) | {
            "current_price": price,
            "market_cap": round(price * supply),
            "fully_diluted_valuation": None if most is None else round(price * most),
            "high_24h": max(price, before),
            "low_24h": min(price, before),
            "price_change_24h": price - before,
            "price_change_percentage_24h": change,
            "market_cap_change_percentage_24h": change,
            "market_cap_change_24h": round((price - before) * supply),
            "ath": high,
            "ath_change_percentage": round(100 * (price / high - 1), 5),
            "last_updated": _text(now_ms - now_ms % MINUTE_MS),
        }

    def _daily(self, recorded: Mapping[str, Any], days: int) -> dict[str, list[list[float]]]:
        source, supply = self._market[_SYMBOLS[recorded["id"]]], recorded["circulating_supply"]
        now_ms = self._clock.now_ms()
        midnight_ms = now_ms - now_ms % DAY_MS
        first_ms = max(midnight_ms - (days - 1) * DAY_MS, source.first_minute * MINUTE_MS)
        times = [*range(first_ms - first_ms % DAY_MS, midnight_ms + 1, DAY_MS), now_ms]
        end_ms = source.end_minute * MINUTE_MS
        times = [at for at in times if source.first_minute * MINUTE_MS <= at < end_ms] or [now_ms]
        prices = [source.opening_e8(at // DAY_MS) / E8 for at in times[:-1]]
        prices.append(_price(source, now_ms))
        volume = float(recorded["total_volume"])
        return {
            "prices": [[at, price] for at, price in zip(times, prices, strict=True)],
            "market_caps": [[at, p * supply] for at, p in zip(times, prices, strict=True)],
            "total_volumes": [[at, volume] for at in times],
        }


def _days(text: str) -> int | None:
    if text == "max":
        return _MOST_DAYS
    if not _NUMBER.fullmatch(text):
        return None
    return min(int(text), _MOST_DAYS)


def _price(source: Source, at_ms: int) -> float:
    at = min(max(at_ms // MINUTE_MS, source.first_minute), source.end_minute - 1)
    day, minute = divmod(at, DAY_MINUTES)
    return int(source.candles(day).open_e8[minute]) / E8


def _text(at_ms: int) -> str:
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@cache
def _recorded() -> list[dict[str, Any]]:
    text = files("candlewick.exchange").joinpath("data/coins_markets.json").read_text("utf-8")
    rows: list[dict[str, Any]] = json.loads(text)
    return rows
