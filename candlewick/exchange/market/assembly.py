"""Assembly of a minute's candle and trades from its points."""

import numpy as np

from candlewick.exchange.market.coins import E8, Coin
from candlewick.exchange.market.columns import Candles, Trades
from candlewick.exchange.market.intervals import MINUTE_MS
from candlewick.exchange.market.minute_plan import Skeleton
from candlewick.exchange.market.minute_points import Fills, Points
from candlewick.exchange.market.random_by_address import I64, key_of, lane, words


def candles_of(coin: Coin, minutes: Skeleton, points: Points, fills: Fills) -> Candles:
    """Return the one-minute candles, computed from the points without making the trades."""
    bought = points.volume * points.bought
    unit = coin.quote_unit_e8
    last = np.maximum(points.used - 1, 0)
    closed_by_taker = points.bought[last, np.arange(len(minutes))]
    rest_quote = minutes.close * minutes.rest_e8 * coin.tick_e8 // E8
    edges = fills.first_trade_id(points.agg_edges[[0, -1]])
    opens = (minutes.first_minute + np.arange(len(minutes), dtype=np.int64)) * MINUTE_MS
    return Candles(
        open_ms=opens,
        open_e8=minutes.open * coin.tick_e8,
        high_e8=minutes.high * coin.tick_e8,
        low_e8=minutes.low * coin.tick_e8,
        close_e8=minutes.close * coin.tick_e8,
        volume_e8=minutes.volume * coin.step_e8 + minutes.rest_e8,
        quote_e8=(points.price * points.volume).sum(axis=0) * unit + rest_quote,
        trades=edges[1] - edges[0],
        taker_e8=bought.sum(axis=0) * coin.step_e8 + minutes.rest_e8 * closed_by_taker,
        taker_quote_e8=(points.price * bought).sum(axis=0) * unit + rest_quote * closed_by_taker,
        first_trade_id=edges[0],
    )


def trades_of(coin: Coin, seed: int, minute: Skeleton, points: Points, fills: Fills) -> Trades:
    """Return the trades of one minute, which add up to its candle exactly."""
    used = int(points.used[0])
    starts = points.agg_edges[:used, 0] - points.agg_edges[0, 0]
    runs = np.diff(points.agg_edges[: used + 1, 0])
    at = np.repeat(np.arange(used, dtype=np.int64), runs)
    ids = np.arange(len(at), dtype=np.int64)
    noise = words(key_of(seed, coin.symbol, "trade"), ids + int(points.agg_edges[0, 0]))
    edges = fills.first_trade_id(points.agg_edges[0, 0] + np.arange(len(at) + 1, dtype=np.int64))
    quantity = np.diff(edges) + _spare(points.volume[:used, 0], edges, starts, runs, noise=noise)
    quantity_e8 = quantity * coin.step_e8
    if len(at):
        quantity_e8[-1] += int(minute.rest_e8[0])
    return Trades(
        first_agg_id=int(points.agg_edges[0, 0]),
        time_ms=minute.first_minute * MINUTE_MS + _offsets(at, ids - starts[at], runs[at], noise),
        price_e8=points.price[:used, 0][at] * coin.tick_e8,
        quantity_e8=quantity_e8,
        trade_id_edges=edges,
        buyer_maker=~points.bought[:used, 0][at],
    )


def _offsets(at: I64, place: I64, run: I64, noise: np.typing.NDArray[np.uint64]) -> I64:
    # Each point gets an equal part of the minute, and each trade an equal part of its point.
    used = int(at[-1]) + 1 if len(at) else 1
    inside = MINUTE_MS * (place * 65_536 + lane(noise, 0, 16)) // (run * 65_536)
    return np.asarray((at * MINUTE_MS + inside) // used, dtype=np.int64)


def _spare(
    volume: I64, trade_ids: I64, starts: I64, runs: I64, *, noise: np.typing.NDArray[np.uint64]
) -> I64:
    # The part of a point's volume above one step a fill, divided among its trades.
    at = np.repeat(np.arange(len(runs), dtype=np.int64), runs)
    spare = volume - (trade_ids[starts + runs] - trade_ids[starts])
    size = lane(noise, 16, 8)
    edges = np.concatenate([[0], np.cumsum(size * size // 64 + 1)])
    base, whole = edges[starts][at], (edges[starts + runs] - edges[starts])[at]
    before = spare[at] * (edges[:-1] - base) // whole
    return np.asarray(spare[at] * (edges[1:] - base) // whole - before, dtype=np.int64)
