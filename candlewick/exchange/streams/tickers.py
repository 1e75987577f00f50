"""The streams of best bid and ask, and of the last 24 hours."""

from decimal import Decimal

from candlewick.exchange.market.columns import Trades
from candlewick.exchange.market.grouping import combined
from candlewick.exchange.market.intervals import DAY_MINUTES, DAY_MS, HOUR_MS, MINUTE_MS
from candlewick.exchange.market.klines import minute_candles
from candlewick.exchange.market.source import Source
from candlewick.exchange.streams.payloads import decimal


def best_prices(source: Source, price_e8: int, *, buyer_maker: bool) -> tuple[int, int]:
    """Return the best bid and ask after a trade.

    The taker's side shows whether the price was the bid or the ask; the other is one tick away.
    """
    bid = price_e8 if buyer_maker else max(price_e8 - source.tick_e8, source.tick_e8)
    return bid, bid + source.tick_e8


def book_ticker_events(symbol: str, source: Source, trades: Trades) -> list[tuple[int, int, str]]:
    """Return row, update id and body of the best bid and ask after each trade."""
    events = []
    columns = (trades.price_e8, trades.quantity_e8, trades.buyer_maker, trades.trade_id_edges[1:])
    rows = zip(*(column.tolist() for column in columns), strict=True)
    for row, (price, quantity, maker, number) in enumerate(rows):
        bid, ask = best_prices(source, price, buyer_maker=maker)
        body = (
            f'{{"u":{number},"s":"{symbol}","b":"{decimal(bid)}","B":"{decimal(quantity)}",'
            f'"a":"{decimal(ask)}","A":"{decimal(quantity)}"}}'
        )
        events.append((row, number, body))
    return events


def day_ticker(
    symbol: str, source: Source, *, visible_ms: int, whole_hours: bool
) -> dict[str, object]:
    """Return a symbol's row of `/api/v3/ticker/24hr`, of the type MINI.

    With `whole_hours` the day ends with the last whole hour: a ticker of all symbols need not read
    the open minute.
    """
    end = (
        visible_ms // HOUR_MS * HOUR_MS // MINUTE_MS if whole_hours else visible_ms // MINUTE_MS + 1
    )
    begin = max(end - DAY_MINUTES, source.first_minute)
    minutes = minute_candles(source, begin, end, visible_ms=visible_ms)
    if not len(minutes):
        prices = dict.fromkeys(("openPrice", "highPrice", "lowPrice", "lastPrice"), decimal(0))
        sums = {"volume": decimal(0), "quoteVolume": decimal(0)}
        times = {"openTime": visible_ms - DAY_MS, "closeTime": visible_ms}
        return {
            "symbol": symbol,
            **prices,
            **sums,
            **times,
            "firstId": -1,
            "lastId": -1,
            "count": 0,
        }
    day = combined(minutes)
    first, count = int(day.first_trade_id[0]), int(day.trades[0])
    return {
        "symbol": symbol,
        "openPrice": decimal(int(day.open_e8[0])),
        "highPrice": decimal(int(day.high_e8[0])),
        "lowPrice": decimal(int(day.low_e8[0])),
        "lastPrice": decimal(int(day.close_e8[0])),
        "volume": decimal(int(day.volume_e8[0])),
        "quoteVolume": decimal(int(day.quote_e8[0])),
        "openTime": begin * MINUTE_MS,
        "closeTime": min(end * MINUTE_MS - 1, visible_ms),
        "firstId": first if count else -1,
        "lastId": first + count - 1 if count else -1,
        "count": count,
    }


def full_ticker(mini: dict[str, object], latest: dict[str, object]) -> dict[str, object]:
    """Return the row of the type FULL; `latest` has the best prices of now."""
    opened, last, volume, quote = (
        Decimal(str(mini[name])) for name in ("openPrice", "lastPrice", "volume", "quoteVolume")
    )
    change = last - opened
    return mini | {
        "priceChange": f"{change:.8f}",
        "priceChangePercent": f"{100 * change / opened if opened else 0:.3f}",
        "weightedAvgPrice": f"{quote / volume if volume else 0:.8f}",
        "prevClosePrice": mini["openPrice"],
        "lastQty": latest["bidQty"],
        **{name: latest[name] for name in ("bidPrice", "bidQty", "askPrice", "askQty")},
    }


def mini_ticker(
    symbol: str, source: Source, *, event: int, visible_ms: int
) -> dict[str, object] | None:
    """Return the ticker of a symbol's last 1,440 minutes, including the open one."""
    end = visible_ms // MINUTE_MS + 1
    begin = max(end - DAY_MINUTES, source.first_minute)
    minutes = minute_candles(source, begin, end, visible_ms=visible_ms)
    if not len(minutes):
        return None
    day = combined(minutes)
    prices = {
        "c": decimal(int(day.close_e8[0])),
        "o": decimal(int(day.open_e8[0])),
        "h": decimal(int(day.high_e8[0])),
        "l": decimal(int(day.low_e8[0])),
    }
    sums = {"v": decimal(int(day.volume_e8[0])), "q": decimal(int(day.quote_e8[0]))}
    return {"e": "24hrMiniTicker", "E": event, "s": symbol} | prices | sums
