"""The benchmark market: trades of ten symbols over three hours, the same for every contestant."""

import json
from collections.abc import Iterator

import numpy as np

from processors.candles.reducer import fold
from processors.candles.state import CandleRules, CandleState
from schemas.market import Candle, TradeBlock

SYMBOLS = tuple(
    f"{coin}USDT"
    for coin in ["BTC", "ETH", "BNB", "SOL", "XRP", "ADA", "DOGE", "DOT", "LINK", "LTC"]
)
START_MS = 1_718_000_100_000  # the start of a 15-minute candle
HOURS_MS = 3 * 3_600_000
CANDLES_15M = len(SYMBOLS) * HOURS_MS // 900_000
CANDLES = CANDLES_15M + len(SYMBOLS) * HOURS_MS // 60_000
MINUTE_LATE_MS = 20 * 60_000  # delay of the last trade, which closes all candles


def blocks(trades: int, size: int) -> Iterator[TradeBlock]:
    """Yield blocks of `size` trades, symbols in turn, oldest first; the last closes all candles."""
    columns = [_columns(number, trades // len(SYMBOLS)) for number in range(len(SYMBOLS))]
    total = len(columns[0][0])
    for start in range(0, total, size):
        for symbol, (times, price, quantity, sold) in zip(SYMBOLS, columns, strict=True):
            part = slice(start, start + size)
            yield TradeBlock(
                symbol=symbol,
                first_agg_id=1 + start,
                first_trade_id=1 + start,
                received_ms=int(times[part][-1]),
                watermark_ms=int(times[part][-1]),
                event_ms=times[part],
                price_e8=price[part],
                quantity_e8=quantity[part],
                fills=np.ones(len(times[part]), np.int32),
                taker_sold=sold[part],
            )


def json_trades(trades: int) -> Iterator[tuple[str, bytes]]:
    """Yield the same trades in the same order, each as a JSON message in the exchange's format."""
    for block in blocks(trades, 100):
        rows = zip(
            block.event_ms.tolist(),
            block.price_e8.tolist(),
            block.quantity_e8.tolist(),
            block.taker_sold.tolist(),
            strict=True,
        )
        for i, (ms, price, quantity, sold) in enumerate(rows):
            trade_id = block.first_agg_id + i
            trade = {
                "e": "aggTrade",
                "s": block.symbol,
                "a": trade_id,
                "p": _decimal(price),
                "q": _decimal(quantity),
                "f": trade_id,
                "l": trade_id,
                "T": ms,
                "m": bool(sold),
            }
            yield block.symbol, json.dumps(trade).encode()


def truth(trades: int) -> dict[tuple[str, str, int], Candle]:
    """Return the candles that the trades must produce."""
    states: dict[str, CandleState] = {}
    candles: dict[tuple[str, str, int], Candle] = {}
    for block in blocks(trades, 1000):
        step = fold(states.get(block.symbol), block, CandleRules())
        states[block.symbol] = step.state
        candles |= {(c.symbol, c.interval, c.open_ms): c for c in step.closed}
    return candles


def _columns(number: int, count: int) -> tuple[np.ndarray, ...]:  # type: ignore[type-arg]
    rng = np.random.default_rng(number)
    times = START_MS + np.sort(rng.integers(0, HOURS_MS, count))
    times = np.append(times, START_MS + HOURS_MS + MINUTE_LATE_MS).astype(np.int64)
    price = 10**12 + np.cumsum(rng.integers(-5, 6, count + 1)) * 10**6
    quantity = rng.integers(1, 10**5, count + 1) * 10**4
    return times, price.astype(np.int64), quantity, rng.integers(0, 2, count + 1).astype(np.uint8)


def _decimal(value_e8: int) -> str:
    return f"{value_e8 // 10**8}.{value_e8 % 10**8:08d}"
