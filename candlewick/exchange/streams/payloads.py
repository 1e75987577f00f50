"""Encoder of Binance's payloads as JSON text.

Source: binance-spot-api-docs, web-socket-streams.md and rest-api.md.
"""

from collections.abc import Iterator, Sequence

from candlewick.exchange.market.coins import E8
from candlewick.exchange.market.columns import Candles, Trades
from candlewick.exchange.market.intervals import Interval
from candlewick.exchange.market.random_by_address import I64


def decimal(value_e8: int) -> str:
    """Format an amount in units of 1e-8 with eight decimals."""
    return f"{value_e8 // E8}.{value_e8 % E8:08d}"


def agg_trade_events(symbol: str, trades: Trades, *, delay_ms: int, unit: int) -> list[str]:
    """Return the aggTrade event of each row; `unit` is 1 for milliseconds, 1000 for micro."""
    ids = trades.trade_id_edges.tolist()
    rows = zip(
        range(trades.first_agg_id, trades.first_agg_id + len(trades)),
        trades.time_ms.tolist(),
        trades.price_e8.tolist(),
        trades.quantity_e8.tolist(),
        ids,
        ids[1:],
        trades.buyer_maker.tolist(),
        strict=False,
    )
    return [
        f'{{"e":"aggTrade","E":{(time + delay_ms) * unit},"s":"{symbol}","a":{agg},'
        f'"p":"{decimal(price)}","q":"{decimal(quantity)}","f":{first},"l":{end - 1},'
        f'"T":{time * unit},"m":{"true" if maker else "false"},"M":true}}'
        for agg, time, price, quantity, first, end, maker in rows
    ]


def fill_events(
    symbol: str, trades: Trades, row: int, *, step_e8: int, delay_ms: int, unit: int
) -> list[str]:
    """Return the trade events of one aggregate's fills; all but the first are of equal size."""
    time = int(trades.time_ms[row])
    maker = "true" if trades.buyer_maker[row] else "false"
    return [
        f'{{"e":"trade","E":{(time + delay_ms) * unit},"s":"{symbol}","t":{number},'
        f'"p":"{decimal(int(trades.price_e8[row]))}","q":"{decimal(quantity)}",'
        f'"T":{time * unit},"m":{maker},"M":true}}'
        for number, quantity in _fills(trades, row, step_e8)
    ]


def trade_rows(parts: Sequence[tuple[Trades, int, int]], step_e8: int) -> str:
    """Return the answer of `/api/v3/trades`: of each part the trades from one id up to another."""
    rows = (
        f'{{"id":{number},"price":"{decimal(price)}","qty":"{decimal(quantity)}",'
        f'"quoteQty":"{decimal(price * quantity // E8)}","time":{int(trades.time_ms[row])},'
        f'"isBuyerMaker":{"true" if trades.buyer_maker[row] else "false"},"isBestMatch":true}}'
        for trades, first, end in parts
        for row, price in enumerate(trades.price_e8.tolist())
        for number, quantity in _fills(trades, row, step_e8)
        if first <= number < end
    )
    return f"[{','.join(rows)}]"


def _fills(trades: Trades, row: int, step_e8: int) -> Iterator[tuple[int, int]]:
    # Id and quantity of each fill of one aggregate.
    first, end = (int(edge) for edge in trades.trade_id_edges[row : row + 2])
    whole = int(trades.quantity_e8[row])
    each = whole // step_e8 // (end - first) * step_e8
    yield first, whole - each * (end - first - 1)
    for number in range(first + 1, end):
        yield number, each


def agg_trade_rows(trades: Trades) -> str:
    """Return the rows of `/api/v3/aggTrades`, without the brackets around them."""
    ids = trades.trade_id_edges.tolist()
    rows = zip(
        range(trades.first_agg_id, trades.first_agg_id + len(trades)),
        trades.time_ms.tolist(),
        trades.price_e8.tolist(),
        trades.quantity_e8.tolist(),
        ids,
        ids[1:],
        trades.buyer_maker.tolist(),
        strict=False,
    )
    return ",".join(
        f'{{"a":{agg},"p":"{decimal(price)}","q":"{decimal(quantity)}","f":{first},"l":{end - 1},'
        f'"T":{time},"m":{"true" if maker else "false"},"M":true}}'
        for agg, time, price, quantity, first, end, maker in rows
    )


def kline_rows(candles: Candles, interval: Interval) -> str:
    """Return the answer of `/api/v3/klines`."""
    columns = (*_kline_columns(candles), interval.ends(candles.open_ms))
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return (
        "["
        + ",".join(
            f'[{at},"{decimal(o)}","{decimal(h)}","{decimal(low)}","{decimal(c)}","{decimal(v)}",'
            f'{end - 1},"{decimal(q)}",{n},"{decimal(tv)}","{decimal(tq)}","0"]'
            for at, o, h, low, c, v, q, n, tv, tq, end in rows
        )
        + "]"
    )


def kline_event(
    symbol: str, interval: str, candle: Candles, *, event: int, end_ms: int, closed: bool, unit: int
) -> str:
    """Return the kline event of a one-row candle; a kline without trades has ids of -1."""
    at, o, h, low, c, v, q, n, tv, tq = (int(x[0]) for x in _kline_columns(candle))
    first = int(candle.first_trade_id[0])
    first, last = (first, first + n - 1) if n else (-1, -1)
    return (
        f'{{"e":"kline","E":{event},"s":"{symbol}","k":{{"t":{at * unit},'
        f'"T":{end_ms * unit - 1},"s":"{symbol}","i":"{interval}","f":{first},"L":{last},'
        f'"o":"{decimal(o)}","c":"{decimal(c)}","h":"{decimal(h)}","l":"{decimal(low)}",'
        f'"v":"{decimal(v)}","n":{n},"x":{"true" if closed else "false"},"q":"{decimal(q)}",'
        f'"V":"{decimal(tv)}","Q":"{decimal(tq)}","B":"0"}}}}'
    )


def _kline_columns(candles: Candles) -> tuple[I64, ...]:
    prices = (candles.open_e8, candles.high_e8, candles.low_e8, candles.close_e8)
    sums = (candles.volume_e8, candles.quote_e8, candles.trades)
    return (candles.open_ms, *prices, *sums, candles.taker_e8, candles.taker_quote_e8)
