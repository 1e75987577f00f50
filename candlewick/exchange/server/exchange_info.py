"""The symbols' entries of `exchangeInfo`."""

from collections.abc import Mapping

from starlette.datastructures import QueryParams

from candlewick.exchange.market.coins import symbol_infos
from candlewick.exchange.market.source import Market, Source
from candlewick.exchange.server.query_params import names_of
from candlewick.exchange.streams.payloads import decimal


def symbol_entries(
    query: QueryParams, market: Market, statuses: Mapping[str, str]
) -> list[dict[str, object]]:
    """Return the entries of the requested symbols, or of all if the query names none.

    Args:
        query: Parameters of the request.
        market: All symbols.
        statuses: The listed symbols with their trading statuses.

    Raises:
        ApiError: -1100, -1121, -1122, -1128 or -1220.
    """
    names = names_of(query, statuses)
    return [_entry(name, market[name]) | {"status": statuses[name]} for name in names]


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
