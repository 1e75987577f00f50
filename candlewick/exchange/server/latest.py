"""The answers about the latest trades: trades by id, and tickers of one, some or all symbols."""

import asyncio
from collections.abc import Callable
from typing import Final

import orjson
from starlette.datastructures import QueryParams
from starlette.requests import Request

from candlewick.exchange.market.source import Source
from candlewick.exchange.server.errors import ApiError
from candlewick.exchange.server.history import fills, last_trade
from candlewick.exchange.server.query_params import names_of, range_of, whole
from candlewick.exchange.server.view import View
from candlewick.exchange.streams.payloads import decimal, trade_rows
from candlewick.exchange.streams.tickers import best_prices, day_ticker, full_ticker

_ZERO: Final = decimal(0)
Row = dict[str, object]


class Latest:
    """Answers from the newest trades that REST shows."""

    def __init__(self, view: View) -> None:
        self._view = view

    async def trades(self, request: Request) -> str:
        """Answer `trades` and `historicalTrades`."""
        wanted = range_of(request.query_params, frozenset(self._view.statuses()))
        from_id = whole(request.query_params, "fromId")
        source = self._view.market[wanted.symbol]
        found = fills(source, from_id, wanted.limit, self._view.head(source))
        return trade_rows(found, source.step_e8)

    async def price(self, request: Request) -> str:
        """Answer `ticker/price`."""
        return await self._rows(request.query_params, self._price)

    async def book(self, request: Request) -> str:
        """Answer `ticker/bookTicker`."""
        return await self._rows(request.query_params, self._book)

    async def day(self, request: Request) -> str:
        """Answer `ticker/24hr`."""
        query = request.query_params
        kind = query.get("type", "FULL")
        if kind not in {"FULL", "MINI"}:
            raise ApiError(-1139, "Invalid ticker type.")
        is_named = "symbol" in query or "symbols" in query
        visible_ms = self._view.visible_ms()

        def row(symbol: str, source: Source) -> Row:
            mini = day_ticker(symbol, source, visible_ms=visible_ms, whole_hours=not is_named)
            if kind == "MINI":
                return mini
            return full_ticker(mini, self._book(symbol, source))

        return await self._rows(query, row)

    async def _rows(self, query: QueryParams, row: Callable[[str, Source], Row]) -> str:
        names = names_of(query, self._view.statuses())
        market = self._view.market
        # In a thread: the last trades of hundreds of symbols must not hold up the streams.
        found = await asyncio.to_thread(lambda: [row(name, market[name]) for name in names])
        return orjson.dumps(found[0] if "symbol" in query else found).decode()

    def _price(self, symbol: str, source: Source) -> Row:
        last = last_trade(source, self._view.head(source))
        return {"symbol": symbol, "price": decimal(int(last.price_e8[0])) if last else _ZERO}

    def _book(self, symbol: str, source: Source) -> Row:
        last = last_trade(source, self._view.head(source))
        row: Row = {"symbol": symbol}
        if not last:
            return row | dict.fromkeys(("bidPrice", "bidQty", "askPrice", "askQty"), _ZERO)
        price, is_maker = int(last.price_e8[0]), bool(last.buyer_maker[0])
        bid, ask = best_prices(source, price, buyer_maker=is_maker)
        quantity = decimal(int(last.quantity_e8[0]))
        return row | {
            "bidPrice": decimal(bid),
            "bidQty": quantity,
            "askPrice": decimal(ask),
            "askQty": quantity,
        }
