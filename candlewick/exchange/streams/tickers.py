"""The streams of best bid and ask, and of the last 24 hours."""

from candlewick.exchange.market.columns import Trades
from candlewick.exchange.market.intervals import DAY_MINUTES, MINUTE_MS
from candlewick.exchange.market.klines import grouped, minute_candles
from candlewick.exchange.market.source import Source
from candlewick.exchange.streams.payloads import decimal

HOUR_MS = 3_600_000


def book_ticker_events(symbol: str, source: Source, trades: Trades) -> list[tuple[int, int, str]]:
    """Return row, update id and body of the best bid and ask after each trade.

    The taker's side shows whether the price was the bid or the ask; the other is one tick away.
    """
    events = []
    columns = (trades.price_e8, trades.quantity_e8, trades.buyer_maker, trades.trade_id_edges[1:])
    rows = zip(*(column.tolist() for column in columns), strict=True)
    for row, (price, quantity, maker, number) in enumerate(rows):
        bid = price if maker else max(price - source.tick_e8, source.tick_e8)
        ask = bid + source.tick_e8
        body = (
            f'{{"u":{number},"s":"{symbol}","b":"{decimal(bid)}","B":"{decimal(quantity)}",'
            f'"a":"{decimal(ask)}","A":"{decimal(quantity)}"}}'
        )
        events.append((row, number, body))
    return events


def day_ticker(symbol: str, source: Source, *, visible_ms: int) -> dict[str, object]:
    """Return a symbol's row of `/api/v3/ticker/24hr`, of the type MINI.

    The day ends with the last whole hour: a ticker of all symbols need not read the open minute.
    """
    end = visible_ms // HOUR_MS * HOUR_MS // MINUTE_MS
    begin = max(end - DAY_MINUTES, source.first_minute)
    zero = decimal(0)
    row: dict[str, object] = {"symbol": symbol, "volume": zero, "quoteVolume": zero, "count": 0}
    if begin >= end:
        return row
    day = grouped(minute_candles(source, begin, end, visible_ms=visible_ms), 1 << 60)
    return row | {
        "openPrice": decimal(int(day.open_e8[0])),
        "highPrice": decimal(int(day.high_e8[0])),
        "lowPrice": decimal(int(day.low_e8[0])),
        "lastPrice": decimal(int(day.close_e8[0])),
        "volume": decimal(int(day.volume_e8[0])),
        "quoteVolume": decimal(int(day.quote_e8[0])),
        "openTime": begin * MINUTE_MS,
        "closeTime": end * MINUTE_MS - 1,
        "count": int(day.trades[0]),
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
    day = grouped(minutes, 1 << 60)
    prices = {
        "c": decimal(int(day.close_e8[0])),
        "o": decimal(int(day.open_e8[0])),
        "h": decimal(int(day.high_e8[0])),
        "l": decimal(int(day.low_e8[0])),
    }
    sums = {"v": decimal(int(day.volume_e8[0])), "q": decimal(int(day.quote_e8[0]))}
    return {"e": "24hrMiniTicker", "E": event, "s": symbol} | prices | sums
