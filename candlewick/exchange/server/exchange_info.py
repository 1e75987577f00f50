"""The symbols' entries of `exchangeInfo`."""

from collections.abc import Callable

import orjson
from starlette.datastructures import QueryParams

from candlewick.exchange.faults.active import UNLISTED
from candlewick.exchange.market.coins import symbol_infos
from candlewick.exchange.market.source import Market, Source
from candlewick.exchange.server.errors import ApiError, combination, illegal
from candlewick.exchange.streams.payloads import decimal


def symbol_entries(
    query: QueryParams, market: Market, status_of: Callable[[str], str]
) -> list[dict[str, object]]:
    """Return the entries of the requested symbols, or of all if the query names none.

    Args:
        query: Parameters of the request.
        market: All symbols.
        status_of: Returns the trading status of a symbol.

    Raises:
        ApiError: -1100, -1121 or -1128.
    """
    names = _names(query)
    listed = {name: status for name in market if (status := status_of(name)) != UNLISTED}
    if any(name not in listed for name in names):
        raise ApiError(-1121, "Invalid symbol.")
    return [_entry(name, market[name]) | {"status": listed[name]} for name in names or listed]


def _names(query: QueryParams) -> list[str]:
    if "symbol" in query and "symbols" in query:
        raise combination()
    if "symbols" not in query:
        return [query["symbol"]] if "symbol" in query else []
    try:
        names = orjson.loads(query["symbols"])
    except orjson.JSONDecodeError as error:
        raise illegal("symbols", r'^\["[A-Z0-9-_.]{1,20}"(,"[A-Z0-9-_.]{1,20}"){0,}\]$') from error
    return [str(name) for name in names] if isinstance(names, list) else [str(names)]


def _entry(symbol: str, source: Source) -> dict[str, object]:
    if symbol in symbol_infos():
        return dict(symbol_infos()[symbol])
    price = {"minPrice": decimal(source.tick_e8), "maxPrice": "1000000.00000000"}
    lot = {"minQty": decimal(source.step_e8), "maxQty": "90000000.00000000"}
    return {
        "symbol": symbol,
        "status": "TRADING",
        "baseAssetPrecision": 8,
        "quoteAssetPrecision": 8,
        "isSpotTradingAllowed": True,
        "filters": [
            {"filterType": "PRICE_FILTER"} | price | {"tickSize": decimal(source.tick_e8)},
            {"filterType": "LOT_SIZE"} | lot | {"stepSize": decimal(source.step_e8)},
        ],
        "permissions": ["SPOT"],
    }
