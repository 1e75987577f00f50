"""The candles that the exchange's trades make, by a fold of its own: the oracle."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

from schemas.market import Candle, Trade
from tests.simulation.violation import Violation

_E8 = 10**8
INTERVALS_MS = {"1m": 60_000, "15m": 900_000}


def values_of(trades: Sequence[Trade]) -> tuple[int, ...]:
    """Return the values of a candle of these trades, in the order of `told_by`."""
    prices = [trade.price_e8 for trade in trades]
    quotes = [trade.price_e8 * trade.quantity_e8 for trade in trades]
    bought = [not trade.taker_sold for trade in trades]
    return (
        prices[0],
        max(prices),
        min(prices),
        prices[-1],
        sum(trade.quantity_e8 for trade in trades),
        _rounded(sum(quotes)),
        sum(trade.fills for trade in trades),
        sum(t.quantity_e8 for t, is_bought in zip(trades, bought, strict=True) if is_bought),
        _rounded(sum(q for q, is_bought in zip(quotes, bought, strict=True) if is_bought)),
        trades[0].first_trade_id,
        trades[-1].last_trade_id,
        trades[-1].event_ms,
    )


def variation_of(trades: Sequence[Trade]) -> int:
    """Return the sum of squared differences of consecutive prices."""
    prices = [trade.price_e8 for trade in trades]
    return sum((b - a) ** 2 for a, b in pairwise(prices))


def quiet_values(price_e8: int, close_ms: int) -> tuple[int, ...]:
    """Return the values of a candle without a trade, after a price."""
    return (price_e8,) * 4 + (0,) * 5 + (-1, -1, close_ms)


def told_by(candle: Candle) -> tuple[int, ...]:
    """Return what a candle says of its trades."""
    return (*candle.values, candle.first_trade_id, candle.last_trade_id, candle.event_ms)


def _rounded(value_e16: int) -> int:
    return (value_e16 + _E8 // 2) // _E8


def check_candle(trades: Sequence[Trade], candle: Candle, *, in_one_run: bool) -> None:
    """Compare a candle that is said to be proven with all trades of its symbol.

    Args:
        trades: The exchange's trades.
        candle: A candle that is not gapped.
        in_one_run: Whether the symbol's trades have come in their order: then a candle knows its
            variation.
    """
    start, end = (
        bisect_left(trades, ms, key=lambda trade: trade.event_ms)
        for ms in (candle.open_ms, candle.close_ms)
    )
    mine = trades[start:end]
    wanted = values_of(mine) if mine else quiet_values(trades[start - 1].price_e8, candle.close_ms)
    name = f"{candle.symbol} {candle.interval} at {candle.open_ms}, {candle.status}"
    if told_by(candle) != wanted or (candle.status == "complete") != bool(mine):
        raise Violation(f"{name}: it says {told_by(candle)}, and true is {wanted}")
    variation = candle.price_variation_e16
    if variation is None and not in_one_run:
        return
    if variation != variation_of(mine):
        raise Violation(f"{name}: its variation is {variation}, not {variation_of(mine)}")
